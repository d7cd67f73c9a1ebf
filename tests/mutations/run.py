"""Running the mutations, one after the other."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import boto3

from stockroom.console import Steps
from stockroom.errors import StockroomError
from stockroom.project import ROOT
from stockroom.releases.bundles import FUNCTIONS_DIR, function_packages
from stockroom.releases.code import work_tree
from stockroom.testing.own_platform import undisturbed
from tests.mutations.deployment import bundle, check_is_deployed, replaced
from tests.mutations.junit import CaseResult, read_results
from tests.mutations.mutation import Mutation, mutated_copy

STACK = "data_platform"
TESTS = "tests/e2e/data_platform"
PATIENCE = "STOCKROOM_E2E_PATIENCE"

_DEFAULT_PATIENCE = "30"
_MOST_SECONDS = 600
_WORKERS = "4"
_MOST_SECONDS_TO_IDLE = 120
_INTERRUPT_PATIENCE_SECONDS = 20
_RECOVERIES = 3  # what the mutation left behind may still be on its way when its test runs again


@dataclass(frozen=True)
class Place:
    """A running platform: the JSON file with its outputs, the variables of its tests, and a folder for reports."""

    outputs: Path
    environment: Mapping[str, str]
    folder: Path


def run_mutations(mutations: list[Mutation], place: Place, steps: Steps) -> bool:
    """Whether the tests caught every mutation; prints a line for each, and how many were caught.

    Raises StockroomError when that can't be told: a mutation does not fit, or a test fails without any.
    """
    endpoint = place.environment["AWS_ENDPOINT_URL"]
    outputs = json.loads(place.outputs.read_text())[STACK]
    bundles = _Bundles(boto3.client("lambda", endpoint_url=endpoint), outputs["function_names"], mutations)
    runner = _Runner(place)
    with steps.step("unmutated") as step:
        step.say("waiting for what the platform was seeded with")
        _wait_until_idle(boto3.client("sqs", endpoint_url=endpoint), outputs["queue_urls"])
        results = runner.run("unmutated", _tests(mutations), "-n", _WORKERS)
        if failed := [result for result in results if result.outcome != "passed"]:
            raise StockroomError(
                f"without any mutation, this does not pass: {failed[0]}",
                f"see {runner.log('unmutated')}; on a slow machine, set {PATIENCE} (seconds) above {runner.patience}",
            )
        step.say(f"{len(results)} tests passed")
    caught = [mutation for mutation in mutations if _is_caught(mutation, bundles, runner, steps)]
    print(f"{len(caught)} of {len(mutations)} caught")
    if survivors := [mutation.name for mutation in mutations if mutation not in caught]:
        print(f"not caught: {', '.join(survivors)}")
    return not survivors


def _wait_until_idle(sqs: Any, queues: Mapping[str, str]) -> None:
    """Return when the queues that functions read are empty, or soon: tests that are to wait briefly are next."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    deadline = monotonic() + _MOST_SECONDS_TO_IDLE
    while monotonic() < deadline:
        answers = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            for name, url in queues.items()
            if name != "restock_requests"  # those wait for somebody outside
        ]
        if not any(int(waiting) for answer in answers for waiting in answer.values()):
            return
        sleep(1)


def _tests(mutations: Iterable[Mutation]) -> list[str]:
    return list(dict.fromkeys(test for mutation in mutations for test in mutation.tests))


def _is_caught(mutation: Mutation, bundles: _Bundles, runner: _Runner, steps: Steps) -> bool:
    with steps.step(mutation.name) as step:
        with bundles.deployed(mutation):
            results = runner.run(mutation.name, list(mutation.tests), "-x")
        found = next((result for result in results if result.found_it), None)
        if found is None:
            ended = next((str(result) for result in results if result.outcome != "passed"), "every test passed")
            step.fail(f"NOT caught: {ended}")
            return False
        step.say(f"caught by {found.name}")
        runner.wait_for_recovery(mutation, found)
    return True


class _Bundles:
    """The bundles of the functions as they are and with each mutation, all made before anything is deployed."""

    def __init__(self, client: Any, names: Mapping[str, str], mutations: Iterable[Mutation]) -> None:
        """Raises StockroomError when a mutation does not fit, or the platform has other functions."""
        functions, packages = FUNCTIONS_DIR / STACK, function_packages(STACK, work_tree())
        self._client, self._names = client, names
        self._originals: dict[str, bytes] = {}
        self._mutated: dict[str, bytes] = {}
        for mutation in mutations:
            with tempfile.TemporaryDirectory() as folder:
                source = mutated_copy(functions, mutation, Path(folder) / STACK)
                self._mutated[mutation.name] = bundle(source, packages)
            if mutation.function not in self._originals:
                original = bundle(functions / mutation.function, packages)
                check_is_deployed(client, names[mutation.function], original)
                self._originals[mutation.function] = original

    def deployed(self, mutation: Mutation) -> Any:
        """The mutation deployed, as a context."""
        name, function = self._names[mutation.function], mutation.function
        return replaced(self._client, name, self._originals[function], self._mutated[mutation.name])


class _Runner:
    """Runs tests in a process of their own; its output and JUnit XML stay in the folder."""

    def __init__(self, place: Place) -> None:
        self.patience = os.environ.get(PATIENCE) or _DEFAULT_PATIENCE
        self._environment = {**place.environment, PATIENCE: self.patience}
        self._folder = place.folder

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def run(self, name: str, tests: Iterable[str], *options: str) -> list[CaseResult]:
        """Raises StockroomError when pytest itself fails, for instance because there is no such test."""
        junit = self._folder / f"{name}.xml"
        words = ["pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={junit}", *options]
        command = [sys.executable, "-m", *words, *(f"{TESTS}/{test}" for test in tests)]
        try:
            exit_code = run_to_end(command, self._environment, self.log(name), _MOST_SECONDS)
        except subprocess.TimeoutExpired:
            raise StockroomError(f"the tests of {name} did not end", f"see {self.log(name)}") from None
        if exit_code not in {0, 1}:
            raise StockroomError(f"pytest failed for {name} (exit code {exit_code})", f"see {self.log(name)}")
        return read_results(junit.read_text())

    def wait_for_recovery(self, mutation: Mutation, found: CaseResult) -> None:
        """Return when the test that caught the mutation passes again. Raises StockroomError when it does not."""
        # Of a test with parameters all are run: its id in the report is not always one that pytest takes.
        name = found.name.partition("[")[0].rpartition("::")[2]
        tests = [test for test in mutation.tests if test.endswith(f"::{name}")]
        for _ in range(_RECOVERIES):
            results = self.run(f"{mutation.name}-restored", tests, "-x")
            failed = [result for result in results if result.outcome != "passed"]
            if not failed:
                return
        raise StockroomError(
            f"after {mutation.name} was put back, this still fails: {failed[0]}",
            f"see {self.log(f'{mutation.name}-restored')}",
        )


def run_to_end(command: list[str], environment: Mapping[str, str], log: Path, seconds: float) -> int:
    """The exit code of a command that writes to the file `log`. Raises subprocess.TimeoutExpired.

    When it is not to go on, it is asked first, so that tests can undo what they did to the platform.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C must reach it once, from here
        )
    try:
        return process.wait(seconds)
    except BaseException:
        with undisturbed(), contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_INTERRUPT_PATIENCE_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
