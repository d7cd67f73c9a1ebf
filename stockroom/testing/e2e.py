"""`invoke e2e`: the end-to-end tests, on a platform of their own or against what is deployed to an account."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from stockroom import __version__
from stockroom.aws import account_variables, new_session, session_for
from stockroom.console import Steps, out
from stockroom.deployed.terraform_state import read_all_deployed
from stockroom.engines import make_engine
from stockroom.environments import LOCAL, Environment, environment_names, read_environment
from stockroom.errors import StockroomError
from stockroom.project import ROOT, read_project
from stockroom.releases.evidence import Evidence, Selection, write_evidence
from stockroom.releases.outcomes import Outcomes, merge
from stockroom.settings import DEFAULT_ENGINE, Settings
from stockroom.terraform.binary import find_binary
from stockroom.terraform.provider_sources import PROVIDER
from stockroom.testing.own_platform import OwnPlatform, own_folder, own_platform

if TYPE_CHECKING:
    import boto3

_NOTE_SECONDS = 15
_LOOK_PAUSE_SECONDS = 0.2
_INTERRUPT_PATIENCE_SECONDS = 10


def default_workers(smoke: bool) -> int:
    """Tests wait for the platform most of the time, so more of them than cores run well side by side.

    Smoke tests hardly wait: starting another worker takes longer than what it would do.
    """
    return (2 if smoke else 7) * (os.cpu_count() or 2)


@dataclass(frozen=True)
class Request:
    """What `invoke e2e` was asked for. `workers` is a number of processes, or None for as many as are good;
    `confirmed` is the user's --yes."""

    environment: str = LOCAL
    selection: Selection = field(default_factory=Selection)
    workers: int | None = None
    rounds: int = 1
    keep: bool = False
    confirmed: bool = False


@dataclass(frozen=True)
class Round:
    """One run of the tests: pytest's exit code (0: all passed, 1: some failed), and the files that it wrote."""

    number: int
    exit_code: int
    outcomes: Outcomes
    seconds: float
    report: Path
    junit: Path
    log: Path


@dataclass(frozen=True)
class Result:
    """What `invoke e2e` did. `release` is in words; `evidence` is None when none was written."""

    environment: str
    release: str | None
    rounds: list[Round]
    folder: Path
    evidence: Path | None = None

    @property
    def passed(self) -> bool:
        return all(each.exit_code == 0 for each in self.rounds)


class EndToEndError(StockroomError):
    """Some tests failed; the result has been printed."""


def make_request(env: str, only: str, smoke: bool, workers: str, repeat: str, keep: bool, yes: bool) -> Request:
    """A request from the words of the command line. Raises StockroomError for what can not be done."""
    if env not in environment_names():
        raise StockroomError(f"there is no environment '{env}'", f"environments are: {', '.join(environment_names())}")
    for option, value in (("--workers", workers), ("--repeat", repeat)):
        if not (value.isdecimal() and int(value)) and not (option == "--workers" and value == "auto"):
            raise StockroomError(f"{option} {value}: not a number from 1 on", "`invoke --help e2e` explains it")
    if keep and env != LOCAL:
        raise StockroomError(f"--keep is about a platform of the tests' own, and '{env}' is none", "leave one out")
    count = None if workers == "auto" else int(workers)
    return Request(env, Selection(only, smoke), count, int(repeat), keep, yes)


def e2e(settings: Settings, request: Request, steps: Steps) -> Result:
    """Run the tests; whatever becomes of them, what was started for them is stopped (unless it is to be kept)."""
    if request.environment != LOCAL:
        return _on_account(request, steps)
    with own_platform(settings, "invoke e2e", steps) as platform:
        platform.wait_until_up()
        if not request.keep:
            return run_on_platform(platform, request, steps)
        platform.keep()
        try:
            return run_on_platform(platform, request, steps)
        finally:
            print_kept(platform)


def run_on_platform(platform: OwnPlatform, request: Request, steps: Steps) -> Result:
    """Run the tests on a platform of their own, and write the evidence of its release."""
    release = platform.wait_until_up()
    started = datetime.now(UTC)
    rounds = run_rounds(request, platform.test_environment(), platform.folder, steps)
    engine = make_engine(platform.settings)
    evidence = Evidence(
        release=release,
        artifacts=platform.artifacts(),
        engine=platform.settings.engine,
        versions={
            "stockroom": __version__,
            engine.emulator: engine.status().version,
            "terraform": find_binary(platform.settings).version,
            "/".join(PROVIDER[:2]): PROVIDER[2],
        },
        selection=request.selection,
        rounds=len(rounds),
        complete=all(each.exit_code in {0, 1} for each in rounds),
        outcomes=merge(each.outcomes for each in rounds),
        started=started,
        finished=datetime.now(UTC),
    )
    key = platform.settings.evidence_key
    written = write_evidence(evidence, key=key.get_secret_value() if key else None)
    return Result(LOCAL, str(release), rounds, platform.folder, written)


def _on_account(request: Request, steps: Steps) -> Result:
    """Run the tests against what is deployed to the environment's account; nothing is started or deployed."""
    environment = read_environment(request.environment)
    with steps.step("account") as step:
        session = account_session(environment)
        stacks = read_all_deployed(environment, session)
        if not stacks:
            raise StockroomError(
                f"nothing is deployed to '{environment.name}': there is no state in {environment.state_bucket}",
                "deploy it first",
            )
        release = next((stack.release["digest"][:12] for stack in stacks if stack.release), None)
        step.say(f"{environment.name} ({environment.account_id}) runs release {release or 'unknown'}")
    if not request.selection.smoke and not request.confirmed:
        confirm(environment)
    with own_folder(f"invoke e2e --env {environment.name}", steps) as folder:
        outputs_file = folder / "outputs.json"
        outputs_file.write_text(json.dumps({stack.name: stack.outputs for stack in stacks}))
        rounds = run_rounds(request, _account_environment(session, environment, outputs_file), folder, steps)
        return Result(environment.name, release, rounds, folder)


def confirm(environment: Environment) -> None:
    print(f"the whole suite writes test records (ids that start with e2e-) into '{environment.name}' and leaves them")
    if not sys.stdin.isatty():
        raise StockroomError(
            f"nobody is there to confirm that '{environment.name}' may be written to",
            "run it with --smoke, which writes nothing, or with --yes",
        )
    if input("go on? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise StockroomError("not confirmed, so nothing was done", "--smoke runs only the tests that write nothing")


def account_session(environment: Environment) -> boto3.Session:
    """The user's own session, proven to be of the environment's account.

    AWS_ENDPOINT_URL may name an emulator on this machine that plays the account; any other endpoint is refused.
    """
    endpoint = _emulator_endpoint()
    if endpoint is None:
        return session_for(environment)

    from botocore.exceptions import BotoCoreError, ClientError

    session = new_session(environment.region, path_style=True, owner=environment.account_id)
    try:
        account = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise StockroomError(f"{endpoint} does not tell whose account this is: {error}") from None
    if account != environment.account_id:
        raise StockroomError(
            f"these credentials are of account {account} at {endpoint}, "
            f"but '{environment.name}' is account {environment.account_id}",
            f"an emulator takes the account from the access key: AWS_ACCESS_KEY_ID={environment.account_id}",
        )
    return session


def _emulator_endpoint() -> str | None:
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return endpoint if endpoint and urlsplit(endpoint).hostname in {"127.0.0.1", "::1", "localhost"} else None


def _account_environment(session: boto3.Session, environment: Environment, outputs: Path) -> dict[str, str]:
    """The user's own variables, with exactly the credentials whose account was proven."""
    variables = account_variables(os.environ, session, environment.region)
    if endpoint := _emulator_endpoint():
        variables |= {"AWS_ENDPOINT_URL": endpoint, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"}
    return variables | {"STOCKROOM_E2E_OUTPUTS": str(outputs)}


def run_rounds(
    request: Request, environment: Mapping[str, str], folder: Path, steps: Steps, root: Path = ROOT
) -> list[Round]:
    """Run the tests that are under `root` as often as was asked for.

    What pytest prints of a round that fails is printed whole.
    """
    rounds = []
    for number in range(1, request.rounds + 1):
        name = "tests" if request.rounds == 1 else f"round {number}/{request.rounds}"
        with steps.step(name) as step:
            result = _run_round(request, number, environment, folder, root, steps, step.say)
            if result.exit_code:
                step.fail(str(result.outcomes))
        rounds.append(result)
        if result.exit_code:
            out.rule(f"{name} failed")
            print(result.log.read_text(errors="replace"))
    return rounds


def _run_round(
    request: Request,
    number: int,
    environment: Mapping[str, str],
    folder: Path,
    root: Path,
    steps: Steps,
    say: Callable[[str], None],
) -> Round:
    suffix = "" if request.rounds == 1 else f"-{number}"
    report, junit, log = (folder / f"{name}{suffix}.{kind}" for name, kind in _FILES)
    outcomes_file = folder / f"outcomes{suffix}.jsonl"
    workers = request.workers or default_workers(request.selection.smoke)
    args = ["pytest", read_project().tests, "-q", "-p", "no:cacheprovider", "-n", str(workers)]
    args += ["-p", "no:hypothesispytest"]  # none of these tests uses it, and each worker would import it
    args += ["--dist", "load", "--maxschedchunk", "1"]  # in the order that conftest.py puts them in
    args += ["-p", "stockroom.testing.pytest_plugin", f"--outcomes={outcomes_file}"]
    args += [f"--junit-xml={junit}", f"--html={report}", "--self-contained-html"]
    args += ["-k", request.selection.only] if request.selection.only else []
    args += ["-m", "smoke"] if request.selection.smoke else []
    started = monotonic()
    outcomes = Outcomes()
    progress = Progress(outcomes, steps, say)
    with log.open("wb") as output:
        # In a session of its own: a Ctrl-C must reach the tests once, from us.
        process = subprocess.Popen(
            [sys.executable, "-m", *args],
            cwd=root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        outcomes_file.touch()
        with outcomes_file.open(encoding="utf-8") as file:
            while True:
                ended = process.poll() is not None
                progress.read(file.read())
                if ended:
                    break
                sleep(_LOOK_PAUSE_SECONDS)
    except BaseException:
        _end(process)
        raise
    if process.returncode == _NO_TESTS:
        listing = f"pytest --collect-only -q {read_project().tests}"
        raise StockroomError("no test was selected", f"`{listing}` lists their names")
    return Round(number, process.returncode, outcomes, monotonic() - started, report, junit, log)


_FILES = (("report", "html"), ("junit", "xml"), ("pytest", "log"))
_NO_TESTS = 5


class Progress:
    """Takes in what the plugin writes and tells how far the tests are; not on a terminal, a line now and then."""

    def __init__(self, outcomes: Outcomes, steps: Steps, say: Callable[[str], None]) -> None:
        self._outcomes = outcomes
        self._steps = steps
        self._say = say
        self._pending = ""
        self._noted = monotonic()

    def read(self, text: str) -> None:
        *lines, self._pending = f"{self._pending}{text}".split("\n")
        for failed in self._outcomes.add(lines):
            self._steps.note(f"FAILED {failed}")
        args = str(self._outcomes) if self._outcomes.collected else "collecting"
        self._say(args)
        if not out.is_terminal and monotonic() - self._noted > _NOTE_SECONDS:
            self._noted = monotonic()
            self._steps.note(args)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the tests: asked first, so that they close what they use."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(_INTERRUPT_PATIENCE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def print_kept(platform: OwnPlatform) -> None:
    """How to look at a platform that was kept, and how to stop it."""
    chosen = {"STOCKROOM_RUN_DIR": platform.settings.run_dir, "STOCKROOM_PORT": platform.settings.port}
    if platform.settings.engine != DEFAULT_ENGINE:
        chosen |= {"STOCKROOM_ENGINE": platform.settings.engine}
    settings = " ".join(f"{name}={value}" for name, value in chosen.items())
    out.print(
        f"\n[bold]The platform goes on running[/bold] at {platform.endpoint}\n"
        f'  use it   eval "$({settings} invoke env)"  then  awslocal s3 ls\n'
        f"  see it   {settings} invoke infra-status\n"
        f"  stop it  {settings} invoke infra-down",
        soft_wrap=True,
    )


def print_result(result: Result) -> None:
    """What came of it, where the files are, and what to do next. Raises EndToEndError when a test failed."""
    out.print()
    for each in result.rounds if len(result.rounds) > 1 else []:
        failed = f": {', '.join(each.outcomes.failed)}" if each.outcomes.failed else ""
        out.print(f"round {each.number}  {each.outcomes} in {each.seconds:.0f} s{failed}", markup=False, soft_wrap=True)
    # Of several rounds, the first that failed is what to look at.
    shown = next((each for each in result.rounds if each.exit_code), result.rounds[-1])
    word = "[green]passed[/green]" if result.passed else "[red]FAILED[/red]"
    out.print(f"[bold]End to end: {word}[/bold]  {shown.outcomes} in {shown.seconds:.0f} s", soft_wrap=True)
    for name, path in (("report", shown.report), ("JUnit XML", shown.junit), ("output", shown.log)):
        out.print(f"  {name:<10} {_short(path)}", soft_wrap=True)
    if result.evidence:
        out.print(f"  {'evidence':<10} {_short(result.evidence)}, release {result.release}", soft_wrap=True)
    if not result.passed:
        name = next(iter(shown.outcomes.failed), "").rpartition("::")[2].partition("[")[0]
        again = f"invoke e2e --only {name} --keep" if name else "invoke e2e"
        raise EndToEndError(
            f"the end-to-end tests failed: {shown.outcomes}",
            f"open {_short(shown.report)}: it has what the functions logged; `{again}` runs one and keeps the platform",
        )


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
