"""`invoke test`: every check of the repository, those that need a running platform on one of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stockroom import emulator
from stockroom.console import Steps, out
from stockroom.environments import LOCAL, local_process_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.processes import free_port
from stockroom.settings import HOME, ROOT, Settings

CHECKS_DIR = HOME / "checks"
PLUGIN_DIR = emulator.LOCALSTACK_DIR / "plugin"


@dataclass(frozen=True)
class Outcome:
    """What one check said; `output` is all of it."""

    name: str
    passed: bool
    output: str

    @property
    def last_line(self) -> str:
        return next((line for line in reversed(self.output.splitlines()) if line.strip()), "")


class CheckFailedError(StockroomError):
    """Some checks failed; their output has been printed."""


def run_checks(settings: Settings, only: str) -> None:
    """Run the checks named in `only` (comma-separated; empty: all), quick ones beside the start of the platform.

    Prints what failed whole and a closing line `checks: N passed, N failed`. Raises CheckFailedError if any failed.
    """
    wanted = [name.strip() for name in only.split(",") if name.strip()] or list(CHECKS)
    if unknown := [name for name in wanted if name not in CHECKS]:
        raise StockroomError(f"there is no check '{unknown[0]}'", f"checks are: {', '.join(CHECKS)}")
    CHECKS_DIR.mkdir(parents=True, exist_ok=True)
    steps = Steps()
    outcomes: list[Outcome] = []
    platform = OwnPlatform(settings)
    with ThreadPoolExecutor(1) as background:
        starting = background.submit(platform.start, steps) if ON_PLATFORM.intersection(wanted) else None
        try:
            for name in wanted:
                if name in ON_PLATFORM and starting:
                    starting.result()
                outcomes.append(_run_check(name, platform, steps))
        finally:
            if starting:
                platform.stop(steps)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    for outcome in failed:
        out.rule(f"{outcome.name} failed")
        print(outcome.output)
    print(f"checks: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    if failed:
        raise CheckFailedError(
            f"failed: {', '.join(outcome.name for outcome in failed)}",
            f"run one alone with `invoke test --only {failed[0].name}`",
        )


def _run_check(name: str, platform: OwnPlatform, steps: Steps) -> Outcome:
    with steps.step(name) as step:
        outcome = CHECKS[name](platform)
        step.say(f"{'passed' if outcome.passed else 'FAILED'}  {outcome.last_line.strip(' =')}")
    return outcome


class OwnPlatform:
    """A platform for the tests: a run directory and a port of its own, brought up and down by the user's commands."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._run_dir = CHECKS_DIR / "run"
        self._port = free_port()
        self._region = read_environment(LOCAL).region
        self._environment = command_environment(self._run_dir, self._port)
        self.outputs_file = CHECKS_DIR / "outputs.json"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self, steps: Steps) -> None:
        with steps.step("platform") as step:
            step.say("bringing up a platform for the tests")
            # Of an interrupted run; on another port, so the engine itself would not find it.
            invoke("infra-down", environment=self._environment)
            up = invoke("infra-up", environment=self._environment)
            if up.returncode:
                raise StockroomError("the platform for the tests did not come up", None, up.stdout)
            status = invoke("infra-status", "--json", environment=self._environment)
            self.outputs_file.write_text(json.dumps(json.loads(status.stdout)["outputs"]))
            step.say(f"up at {self.endpoint}")

    def stop(self, steps: Steps) -> None:
        with steps.step("platform") as step:
            step.say("stopped")
            invoke("infra-down", environment=self._environment)

    def test_environment(self) -> dict[str, str]:
        """For tests that see the platform through AWS APIs only."""
        extra = {"STOCKROOM_E2E_OUTPUTS": str(self.outputs_file), "STOCKROOM_TEST_ENDPOINT": self.endpoint}
        return local_process_environment(os.environ, self.endpoint, self._region, extra)


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


def _command(name: str, *words: str, environment: Mapping[str, str] | None = None, folder: Path = ROOT) -> Outcome:
    done = subprocess.run(
        words,
        cwd=folder,
        env=dict(environment) if environment is not None else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return Outcome(name, done.returncode == 0, done.stdout)


def _module(*words: str) -> list[str]:
    return [sys.executable, "-m", *words]


def _lint(_: OwnPlatform) -> Outcome:
    check = _command("lint", *_module("ruff", "check"))
    form = _command("lint", *_module("ruff", "format", "--check"))
    return Outcome("lint", check.passed and form.passed, f"{check.output}{form.output}")


def _types(_: OwnPlatform) -> Outcome:
    toolkit = _command("types", *_module("mypy"))
    # The plugin is checked against the packages that it runs with.
    emulator.install(lambda _: None)
    plugin = _command(
        "types", *_module("mypy", "--python-executable", str(emulator.python()), "src"), folder=PLUGIN_DIR
    )
    return Outcome("types", toolkit.passed and plugin.passed, f"{toolkit.output}{plugin.output}")


def _pytest(name: str, *folders: str, workers: str = "auto", environment: Mapping[str, str] | None = None) -> Outcome:
    report = CHECKS_DIR / name
    words = ["pytest", "-q", "-n", workers, "--dist", "worksteal", f"--junit-xml={report}.xml", *folders]
    words += [f"--html={report}.html", "--self-contained-html"]
    return _command(name, *_module(*words), environment=environment)


def _unit(_: OwnPlatform) -> Outcome:
    return _pytest("unit", "tests/unit", "tests/commands")


def _emulator(platform: OwnPlatform) -> Outcome:
    return _pytest("emulator", "tests/emulator", environment=platform.test_environment())


def _e2e(platform: OwnPlatform) -> Outcome:
    return _pytest("e2e", "tests/e2e", workers="4", environment=platform.test_environment())


def _platforms(_: OwnPlatform) -> Outcome:
    # Each test waits for the AWS provider most of the time, so more of them than cores run well side by side.
    return _pytest("platforms", "tests/platforms", workers="4")


def _terraform(platform: OwnPlatform) -> Outcome:
    from stockroom.terraform_checks import check_all

    return Outcome("terraform", *check_all(CHECKS_DIR / "terraform", platform.settings))


CHECKS: dict[str, Callable[[OwnPlatform], Outcome]] = {
    "lint": _lint,
    "types": _types,
    "terraform": _terraform,
    "unit": _unit,
    "e2e": _e2e,
    "emulator": _emulator,
    "platforms": _platforms,
}

ON_PLATFORM = frozenset({"e2e", "emulator"})
