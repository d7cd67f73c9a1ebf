"""`invoke test`: every check of the repository, those that need a running platform on one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from stockroom.console import Steps, out
from stockroom.engines import emulator_installation as emulator
from stockroom.engines import ministack
from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT, read_project
from stockroom.settings import Settings
from stockroom.testing.own_platform import OwnPlatform, own_platform
from stockroom.toolkit import OWN_FILES

CHECKS_DIR = HOME / "checks"
PLUGIN_DIR = emulator.LOCALSTACK_DIR / "plugin"
MINISTACK_PLUGIN_DIR = ministack.MINISTACK_DIR / "plugin"


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
    """Run the checks named in `only` (comma-separated; empty: all but LONG), quick ones beside the platform's start.

    Prints what failed whole and a closing line `checks: N passed, N failed`. Raises CheckFailedError if any failed.
    """
    wanted = wanted_checks(only, available_checks(ROOT))
    CHECKS_DIR.mkdir(parents=True, exist_ok=True)
    steps = Steps()
    # Of this process as it is now: a platform that comes up meanwhile gives it variables of its own.
    environment = dict(os.environ)
    outcomes: list[Outcome] = []
    with ExitStack() as held:
        on_platform = ON_PLATFORM.intersection(wanted)
        platform = held.enter_context(own_platform(settings, "invoke test", steps)) if on_platform else None
        checks = Checks(settings, environment, steps, platform)
        for number, name in enumerate(wanted, start=1):
            outcomes.append(checks.run(name))
            if not ON_PLATFORM.intersection(wanted[number:]):
                held.close()  # its functions would go on looking at their queues and streams, beside the next checks
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


def available_checks(root: Path) -> list[str]:
    """The checks that a project has: static ones, and those whose tests are there."""
    return [name for name in CHECKS if name not in _TESTS or _folders(name, root)]


def _folders(name: str, root: Path) -> list[str]:
    """The folders with the tests of a check, of those that it may have."""
    return [folder for folder in _TESTS[name] if (root / folder).is_dir()]


def wanted_checks(only: str, available: Sequence[str]) -> list[str]:
    """The checks that are named, with commas between; if none is, all but long ones.

    Raises StockroomError for a name that is not among those that are available.
    """
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in available]:
        raise StockroomError(f"there is no check '{unknown[0]}'", f"checks are: {', '.join(available)}")
    return wanted or [name for name in available if name not in LONG]


@dataclass(frozen=True)
class Checks:
    """What checks need: settings, variables of their processes, and for those in ON_PLATFORM a platform."""

    settings: Settings
    environment: Mapping[str, str]
    steps: Steps
    platform: OwnPlatform | None

    def run(self, name: str) -> Outcome:
        if name in ON_PLATFORM and self.platform:
            self.platform.wait_until_up()
        with self.steps.step(name) as step:
            outcome = CHECKS[name](self)
            end = outcome.last_line.strip(" =")
            step.say(f"passed  {end}") if outcome.passed else step.fail(f"FAILED  {end}")
        return outcome

    def command(
        self, name: str, *args: str, environment: Mapping[str, str] | None = None, folder: Path = ROOT
    ) -> Outcome:
        """Run a command; `environment` is for one that is not to have this process's variables."""
        done = subprocess.run(
            args,
            cwd=folder,
            env=dict(environment or self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        return Outcome(name, done.returncode == 0, done.stdout)

    def pytest(self, name: str, workers: str = "auto", environment: Mapping[str, str] | None = None) -> Outcome:
        report, folders = CHECKS_DIR / name, _folders(name, ROOT)
        args = ["pytest", "-q", "-n", workers, "--dist", "worksteal", f"--junit-xml={report}.xml", *folders]
        args += [f"--html={report}.html", "--self-contained-html"]
        return self.command(name, *_module(*args), environment=environment)


def _module(*args: str) -> list[str]:
    return [sys.executable, "-m", *args]


def _lint(checks: Checks) -> Outcome:
    check = checks.command("lint", *_module("ruff", "check"))
    form = checks.command("lint", *_module("ruff", "format", "--check"))
    return Outcome("lint", check.passed and form.passed, f"{check.output}{form.output}")


def _types(checks: Checks) -> Outcome:
    def check(folder: Path, *args: str) -> Outcome:
        return checks.command("types", *_module("mypy", *args), folder=folder)

    def check_plugin(
        folder: Path, install: Callable[[Callable[[str], None]], None], python: Callable[[], Path]
    ) -> Outcome:
        """Against the packages that it runs with."""
        install(lambda _: None)
        found = {**checks.environment, "MYPYPATH": str(emulator.EMULATION_DIR / "src")}
        words = _module("mypy", "--python-executable", str(python()), "src")
        return checks.command("types", *words, folder=folder, environment=found)

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(check, ROOT)]
        if OWN_FILES == ROOT:  # the project is the toolkit itself
            running += [
                pool.submit(check, emulator.EMULATION_DIR, "src"),
                pool.submit(check_plugin, PLUGIN_DIR, emulator.install, emulator.python),
                pool.submit(check_plugin, MINISTACK_PLUGIN_DIR, ministack.install, ministack.python),
            ]
        outcomes = [each.result() for each in running]
    return Outcome("types", all(each.passed for each in outcomes), "".join(each.output for each in outcomes))


def _unit(checks: Checks) -> Outcome:
    return checks.pytest("unit")


def _emulator(checks: Checks) -> Outcome:
    assert checks.platform
    # No more side by side than cores: some tell what happens within seconds, and each may start an emulator of its own.
    return checks.pytest("emulator", environment=checks.platform.test_environment())


def _browser(checks: Checks) -> Outcome:
    from stockroom.testing import browser

    browser.install(checks.steps.note)
    return checks.pytest("browser", workers="1")


def _e2e(checks: Checks) -> Outcome:
    from stockroom.testing.e2e import Request, run_on_platform

    assert checks.platform
    result = run_on_platform(checks.platform, Request(), checks.steps)
    (only,) = result.rounds
    return Outcome("e2e", result.passed, f"report: {only.report}\n{only.outcomes}")


def _platforms(checks: Checks) -> Outcome:
    # Each test waits for the AWS provider most of the time, so more of them than cores run well side by side.
    return checks.pytest("platforms", workers="4")


def _promotions(checks: Checks) -> Outcome:
    # On one engine, one after the other: each looks at all that its accounts hold.
    return checks.pytest("promotions", workers="1")


def _wheel(checks: Checks) -> Outcome:
    return checks.pytest("wheel", workers="1")


def _terraform(checks: Checks) -> Outcome:
    from stockroom.terraform.checks import check_all

    return Outcome("terraform", *check_all(CHECKS_DIR / "terraform", checks.settings))


def _policies(checks: Checks) -> Outcome:
    from stockroom.testing.policies import check_policies

    return Outcome("policies", *check_policies(CHECKS_DIR / "policies", checks.settings, checks.steps.note))


CHECKS: dict[str, Callable[[Checks], Outcome]] = {
    "lint": _lint,
    "types": _types,
    "terraform": _terraform,
    "policies": _policies,
    "unit": _unit,
    "e2e": _e2e,
    "emulator": _emulator,
    "browser": _browser,
    "platforms": _platforms,
    "promotions": _promotions,
    "wheel": _wheel,
}

# The folders of their tests.
_TESTS: dict[str, tuple[str, ...]] = {
    "unit": ("tests/unit", "tests/commands"),
    "e2e": (read_project().tests,),
    "emulator": ("tests/emulator",),
    "browser": ("tests/browser",),
    "platforms": ("tests/platforms",),
    "promotions": ("tests/promotions",),
    "wheel": ("tests/wheel",),
}

# What needs no platform and runs no code of the functions or of the toolkit.
STATIC = ("lint", "types", "terraform", "policies")
ON_PLATFORM = frozenset({"e2e", "emulator"})
# What takes a quarter of an hour and more, and is run when its name is given.
LONG = frozenset({"promotions", "wheel"})
