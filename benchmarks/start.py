"""Bringing a platform up: cold, from a snapshot, when nothing has changed; `invoke reset`; and the same by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from statistics import mean, median
from time import perf_counter
from typing import Any, get_args

from benchmarks.commands import run
from benchmarks.figures import Figure, Findings
from benchmarks.one_by_one import Target, awslocal, awslocal_args, shell_environment, tool
from benchmarks.platform import Bench, Platform
from seed import SAMPLE_DIR, STACK
from seed.sample import RecordsDirectory
from stockroom.aws import session_for
from stockroom.deployed.terraform_state import read_deployed
from stockroom.engines import make_engine
from stockroom.environments import LOCAL, read_environment, stack_names
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import work_tree
from stockroom.releases.release import release_variables
from stockroom.settings import Settings
from stockroom.terraform.binary import find_binary
from stockroom.terraform.local_directory import Stack

_STEP = re.compile(r"^. (\w+) .*?([\d.]+) s$", re.MULTILINE)


@dataclass(frozen=True)
class ColdStart:
    """A cold `infra-up`: seconds, those of its steps, Terraform's log and state."""

    seconds: float
    steps: Mapping[str, float]
    log: str
    state: Mapping[str, Any]


def cold_start(bench: Bench) -> ColdStart:
    """The run's cold start, measured the first time that this is asked."""
    return bench.once(_start_cold)


def _start_cold(bench: Bench) -> ColdStart:
    platform = bench.here
    _make_ready(bench.settings)
    platform.invoke("infra-down")
    done = platform.invoke("infra-up", "--no-snapshot")
    environment = read_environment(LOCAL)
    answer = (
        platform.deployed().client("s3").get_object(Bucket=environment.state_bucket, Key=environment.state_key(STACK))
    )
    log = platform.settings.run_dir / "terraform" / LOCAL / f"{STACK}.log"
    return ColdStart(done.seconds, step_seconds(done.output), log.read_text(), json.loads(answer["Body"].read()))


def step_seconds(output: str) -> dict[str, float]:
    """The seconds of each step, from what `infra-up` prints."""
    return {found[1]: float(found[2]) for found in _STEP.finditer(output)}


def _make_ready(settings: Settings) -> None:
    """Install what is missing and build what is to be deployed: both happen once, not at every cold start."""
    engine = make_engine(settings)
    engine.start()
    engine.stop()
    build_artifacts(stack_names(), work_tree())


@dataclass(frozen=True)
class ByHand:
    """Seconds of what was done by hand, and those of each `awslocal` that put a record, by service."""

    steps: Mapping[str, float]
    puts: Mapping[str, list[float]]


def by_hand_seconds(done: ByHand, records: Mapping[str, int]) -> dict[str, float]:
    """Seconds by step, with the loading of so many records of each service reckoned from those that were put."""
    data = sum(mean(done.puts[service]) * count for service, count in records.items())
    return {**done.steps, "data": data}


def bring_up_by_hand(bench: Bench, puts: int) -> ByHand:
    """The platform as the toolkit makes it, on the same emulator and with the same zips, by the usual tools alone."""
    settings = bench.settings
    environment = read_environment(LOCAL)
    engine = make_engine(settings)
    shell = shell_environment(engine.endpoint)
    artifacts = build_artifacts(stack_names(), work_tree())
    stack = Stack(STACK, environment, settings, find_binary(settings), engine.endpoint, work_tree())
    stack.prepare(release_variables(environment, STACK, artifacts))
    steps: dict[str, float] = {}

    def aws(*words: str) -> float:
        return awslocal(words, bench.work, shell)

    def terraform(*words: str) -> float:
        return run([tool("tflocal"), *words], stack.folder, stack.process_environment()).seconds

    started = perf_counter()
    engine.start()
    engine.wait_until_ready()
    steps["engine"] = perf_counter() - started
    steps["buckets"] = sum(
        aws("s3", "mb", f"s3://{bucket}") for bucket in (environment.state_bucket, environment.artifact_bucket)
    )
    steps["bundles"] = sum(
        aws("s3", "cp", "--quiet", str(artifact.path), f"s3://{environment.artifact_bucket}/{artifact.key}")
        for artifact in artifacts
    )
    steps["init"] = terraform("init", "-input=false", *stack.backend_args())
    steps["apply"] = terraform("apply", "-input=false", "-auto-approve", *stack.variable_args())
    deployed = read_deployed(environment, session_for(environment, engine.endpoint), STACK)
    assert deployed
    target = target_of(deployed.outputs)
    seconds = {
        service: [aws(*awslocal_args(service, record, target)) for record in records]
        for service, records in sample_records(puts).items()
    }
    return ByHand(steps, seconds)


def target_of(outputs: Mapping[str, Any]) -> Target:
    """The platform's entrances."""
    return Target(
        outputs["stream_names"]["sales_events"],
        outputs["queue_urls"]["orders"],
        outputs["table_names"]["products"],
        outputs["bucket_names"]["raw"],
    )


def sample_records(most: int) -> dict[str, list[Any]]:
    """The first records of the sample for each service; those of S3 are files."""
    sample = RecordsDirectory(SAMPLE_DIR)
    records = {"kinesis": sample.events(), "sqs": sample.orders(), "dynamodb": sample.products(), "s3": sample.files}
    return {service: list(islice(each, most)) for service, each in records.items()}


def sample_counts() -> dict[str, int]:
    """How many records of the sample go to each service; those of S3 are files."""
    sample = RecordsDirectory(SAMPLE_DIR)
    counts = sample.counts
    return {
        "kinesis": counts.events,
        "sqs": counts.messages,
        "dynamodb": counts.products + counts.customers + counts.stores + counts.inventory,
        "s3": len(sample.files),
    }


def other_engines(settings: Settings, known: Iterable[str]) -> list[Settings]:
    """The settings of the engines that need neither Docker nor somebody else, besides the default one."""
    return [settings.model_copy(update={"engine": name}) for name in known if name == "ministack"]


def measure(bench: Bench) -> Findings:
    platform = bench.here
    cold = cold_start(bench)
    platform.invoke("infra-down")
    saving = platform.invoke("infra-up").seconds
    platform.wait_until_packed()
    rounds = bench.rounds(3, 10)
    same = [platform.invoke("infra-up").seconds for _ in range(rounds)]
    reset = [platform.invoke("reset").seconds for _ in range(rounds)]
    warm = []
    for _ in range(bench.rounds(2, 5)):
        platform.invoke("infra-down")
        warm.append(platform.invoke("infra-up").seconds)
    platform.invoke("infra-down")
    others, failures = on_other_engines(bench, "infra-up", "--no-snapshot")
    puts = bench.rounds(5, 20)
    hand = bring_up_by_hand(bench, puts)
    platform.invoke("infra-down")
    by_hand = by_hand_seconds(hand, sample_counts())

    whole = Figure("by hand: tflocal, awslocal", sum(by_hand.values()), "s")
    cold_up = Figure("infra-up, cold (--no-snapshot)", cold.seconds, "s")
    warm_up = Figure("infra-up, from a snapshot", median(warm), "s")
    unseeded = Figure("by hand, without the data", sum(by_hand.values()) - by_hand["data"], "s")
    figures = [
        whole,
        *(Figure(f"by hand: {name}", seconds, "s").of(whole) for name, seconds in by_hand.items()),
        unseeded.of(whole),
        cold_up.than(whole),
        Figure("infra-up, cold, without its seeding", cold.seconds - cold.steps["seed"], "s").than(unseeded),
        Figure("infra-up, cold: apply", cold.steps["apply"], "s").than(Figure("by hand: apply", by_hand["apply"], "s")),
        Figure("infra-up, cold: seed", cold.steps["seed"], "s").than(Figure("by hand: data", by_hand["data"], "s")),
        Figure("infra-up, cold, saving a snapshot", saving, "s").than(cold_up),
        warm_up.than(cold_up),
        Figure("infra-up, nothing has changed", median(same), "s").than(cold_up),
        Figure("reset", median(reset), "s").than(warm_up),
        *(Figure(f"infra-up, cold, {name}", seconds, "s").than(cold_up) for name, seconds in others.items()),
    ]
    counts = ", ".join(f"{count:,} for {service}" for service, count in sample_counts().items())
    notes = [
        f"By hand, {puts} records of each service were put; the time of all ({counts}) is reckoned from their mean.",
        "Zips of functions and layers are built and everything is installed before; neither side counts that.",
        *failures,
    ]
    samples = {"nothing has changed": same, "reset": reset, "from a snapshot": warm, "puts by hand": dict(hand.puts)}
    return Findings(figures, notes, samples)


def on_other_engines(bench: Bench, *words: str) -> tuple[dict[str, float], list[str]]:
    """Seconds that a task takes by engine, and in words what could not be measured."""
    seconds: dict[str, float] = {}
    failures: list[str] = []
    for settings in other_engines(bench.settings, get_args(Settings.model_fields["engine"].annotation)):
        platform = Platform(ROOT, settings, bench.steps)
        try:
            _make_ready(settings)
            seconds[settings.engine] = platform.invoke(*words).seconds
        except (StockroomError, ImportError) as error:
            failures.append(f"{' '.join(words)} failed on the engine {settings.engine}: {error}")
        finally:
            platform.invoke("infra-down")
    return seconds, failures
