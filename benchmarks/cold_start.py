"""How long a cold `invoke infra-up` takes and where the time goes, beside what the AWS provider itself waits.

    python -m benchmarks.cold_start

Runs the user's commands on a platform of its own (emulator installed, no state), and prints from that one run: the
steps of `infra-up`; the longest chain of the provider's waits, from the resources' own times and dependencies; the
rates of seeding; the emulator's memory; and the time of `invoke --list`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from stockroom import emulator
from stockroom.aws import session_for
from stockroom.environments import LOCAL, read_environment
from stockroom.processes import free_port
from stockroom.settings import HOME, ROOT

_STEP = re.compile(r"^. (\w+) .*?([\d.]+) s$")
_LIST_RUNS = 10
_SCALE = 10


@dataclass(frozen=True)
class Chain:
    """The slowest path through the resources that depend on each other; seconds from first start to last end."""

    addresses: list[str]
    seconds: float


def command_environment(run_dir: Path, port: int) -> dict[str, str]:
    """This process's environment, with the settings of one platform and no other setting."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STOCKROOM_")}
    return kept | {"STOCKROOM_RUN_DIR": str(run_dir), "STOCKROOM_PORT": str(port)}


def invoke(*words: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a task as a user does; stdout holds its whole output but for `--json`, where it holds the object alone."""
    quiet = "--json" in words
    return subprocess.run(
        [sys.executable, "-m", "invoke", *words],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if quiet else subprocess.STDOUT,
        text=True,
        check=False,
    )


def resource_seconds(log: str) -> dict[str, float]:
    """Seconds that Terraform spent on each resource, by address, from the lines of `terraform apply -json`."""
    seconds: dict[str, float] = {}
    for line in log.splitlines():
        if '"type":"apply_complete"' in line:
            hook = json.loads(line)["hook"]
            if hook["action"] == "read":
                continue  # data sources are reported like resources
            seconds[hook["resource"]["addr"]] = float(hook["elapsed_seconds"])
    return seconds


def dependencies(state: Mapping[str, object]) -> dict[str, set[str]]:
    """Resource → resources that it depends on, both without index, from a Terraform state."""
    found: dict[str, set[str]] = {}
    for block in state["resources"]:  # type: ignore[attr-defined]
        prefix = f"{block['module']}." if "module" in block else ""
        needed = {name for instance in block["instances"] for name in instance.get("dependencies", [])}
        found[f"{prefix}{block['type']}.{block['name']}"] = needed
    return found


def longest_chain(seconds: Mapping[str, float], needs: Mapping[str, set[str]]) -> Chain:
    """The chain of dependent resources whose times add up to the most."""
    by_resource: dict[str, float] = {}
    for address, took in seconds.items():
        resource = re.sub(r"\[[^]]*\]$", "", address)
        by_resource[resource] = max(took, by_resource.get(resource, 0))
    known: dict[str, Chain] = {}

    def chain_to(resource: str) -> Chain:
        if resource not in known:
            before = max(
                (chain_to(need) for need in needs.get(resource, ())), key=lambda c: c.seconds, default=Chain([], 0)
            )
            own = by_resource.get(resource, 0)
            known[resource] = Chain([*before.addresses, resource], before.seconds + own) if own else before
        return known[resource]

    return max((chain_to(resource) for resource in by_resource), key=lambda chain: chain.seconds)


def main() -> None:
    emulator.install(print)
    out = Console(width=120)
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        run_dir = Path(folder) / "run"
        environment = command_environment(run_dir, free_port())
        started = perf_counter()
        up = invoke("infra-up", environment=environment)
        total = perf_counter() - started
        try:
            if up.returncode:
                sys.exit(up.stdout)
            status = json.loads(invoke("infra-status", "--json", environment=environment).stdout)
            log = (run_dir / "terraform" / "local" / "data_platform.log").read_text()
            state = _read_state(status["endpoint"])
            seeded = _seed_larger_dataset(Path(folder) / "dataset", status, environment)
        finally:
            invoke("infra-down", environment=environment)
    steps = {found[1]: float(found[2]) for line in up.stdout.splitlines() if (found := _STEP.match(line))}
    chain = longest_chain(resource_seconds(log), dependencies(state))
    out.print(_steps_table(steps, total))
    out.print(_chain_table(chain, total))
    out.print(_rates_table(seeded))
    out.print(f"emulator with everything it started: {status['engine']['memory_mb']} MB")
    out.print(f"invoke --list: {_list_seconds():.2f} s (median of {_LIST_RUNS})")


def _read_state(endpoint: str) -> dict[str, Any]:
    environment = read_environment(LOCAL)
    s3 = session_for(environment, endpoint).client("s3")
    answer = s3.get_object(Bucket=environment.state_bucket, Key=environment.state_key("data_platform"))
    return dict(json.loads(answer["Body"].read()))


def _steps_table(steps: Mapping[str, float], total: float) -> Table:
    table = Table("step", "seconds", "of all", title="Cold infra-up", title_justify="left")
    for name, seconds in steps.items():
        table.add_row(name, f"{seconds:.1f}", f"{seconds / total:.0%}")
    table.add_section()
    table.add_row("infra-up", f"{total:.1f}", "bundles and engine run side by side")
    return table


def _chain_table(chain: Chain, total: float) -> Table:
    table = Table("longest chain of provider waits", title="What the provider takes", title_justify="left")
    for address in chain.addresses:
        table.add_row(address)
    table.add_section()
    table.add_row(
        f"{chain.seconds:.1f} s; infra-up is {total - chain.seconds:.1f} s above it, {total / chain.seconds:.2f} times"
    )
    return table


def _seed_larger_dataset(folder: Path, status: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Seed the sample's generator at a larger scale; returns the report that seeding leaves in the raw bucket."""
    subprocess.run(
        [sys.executable, "-m", "fixtures.generate", "--scale", str(_SCALE), "--output", str(folder)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    done = invoke("seed", "--dataset", str(folder), environment=environment)
    if done.returncode:
        sys.exit(done.stdout)
    s3 = session_for(read_environment(LOCAL), status["endpoint"]).client("s3")
    bucket = status["outputs"]["bucket_names"]["raw"]
    marks = [
        entry for entry in s3.list_objects_v2(Bucket=bucket, Prefix="datasets/")["Contents"]
        if entry["Key"].endswith("/seeded.json")
    ]  # fmt: skip
    newest = max(marks, key=lambda entry: entry["LastModified"])
    return dict(json.loads(s3.get_object(Bucket=bucket, Key=newest["Key"])["Body"].read())["report"])


def _rates_table(report: Mapping[str, Any]) -> Table:
    counts, seconds = report["counts"], report["seconds"]
    items = sum(counts[name] for name in ("products", "customers", "stores", "inventory"))
    table = Table("service", "records", "seconds", "a second", title="Seeding, side by side", title_justify="left")
    for service, records in (
        ("dynamodb", items),
        ("sqs", counts["orders"] + counts["returns"]),
        ("kinesis", counts["events"]),
    ):
        table.add_row(service, f"{records:,}", f"{seconds[service]:.1f}", f"{records / seconds[service]:,.0f}")
    return table


def _list_seconds() -> float:
    def once() -> float:
        started = perf_counter()
        subprocess.run([sys.executable, "-m", "invoke", "--list"], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        return perf_counter() - started

    return median(once() for _ in range(_LIST_RUNS))


if __name__ == "__main__":
    main()
