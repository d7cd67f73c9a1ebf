"""LocalStack's runtime executor for processes: one execution environment of a function version.

LocalStack decides when an environment is started, reused and stopped. What happens inside follows AWS's description of
the execution environment's life: initialisation has ten seconds; when it fails, or when the process has ended in any
way, the next invocation initialises again, within the function's own timeout. No time is counted while an environment
waits for a processor: AWS gives each its own.
"""

from __future__ import annotations

import errno
import logging
import shutil
import tempfile
import threading
import time
from concurrent.futures import Future, TimeoutError
from pathlib import Path
from typing import Any

from localstack.aws.api.lambda_ import LogFormat
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import ArchiveCode, FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from stockroom_localstack import settings
from stockroom_localstack.runtime import confinement_main, report
from stockroom_localstack.runtime.api import LOOPBACK, Answer, Event, Exited, Failed, Ready, Responded, TooLarge
from stockroom_localstack.runtime.aws_paths import AwsPaths
from stockroom_localstack.runtime.environment import Places, function_environment
from stockroom_localstack.runtime.process import RuntimeProcess
from stockroom_localstack.runtime.runtimes import DEFAULT, Interpreter, RuntimeMissingError, interpreter_for
from stockroom_localstack.services.lambda_.event_sources import handover
from stockroom_localstack.state.settling import INVOCATIONS

from . import metrics
from .assignment import throttled
from .outcomes import Initialised, Outcome, TimedOut, payload_and_error
from .turns import turn

LOG = logging.getLogger(__name__)

INIT_TIMEOUT_SECONDS = 10.0
PROVISIONED = "provisioned-concurrency"

OUT_OF_RESOURCES = (errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class ProcessRuntimeExecutor(RuntimeExecutor):
    """One execution environment of a function version: a process, its initialisation and its log."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self.client_context = ""
        self._prepared: dict[str, Any] = {}
        self._process: RuntimeProcess | None = None
        self._first: Initialised | None = None
        # Events of the initialisation too, delivered with the first invocation.
        self._log: list[str] = []
        self._told: list[str] = []
        self._report = _report_of(function_version)
        self._paths: AwsPaths | None = None
        self._lock = threading.Lock()
        self._invoking = False
        self._stopped = False

    # What LocalStack calls

    def start(self, env_vars: dict[str, Any]) -> None:
        """Initialise the environment. Raises StatusErrorException when provisioned concurrency can't be provided.

        On demand, a failed initialisation is no error yet: the invocation tries it again, and tells.
        """
        self._prepared = env_vars
        self._private.mkdir(parents=True, mode=0o700)
        self._first = self._initialise(INIT_TIMEOUT_SECONDS, phase="init")
        provisioned = env_vars.get("AWS_LAMBDA_INITIALIZATION_TYPE") == PROVISIONED
        if provisioned and not isinstance(self._first.outcome, Ready):
            payload, _ = payload_and_error(self._first.outcome, self.id, INIT_TIMEOUT_SECONDS, self._paths)
            raise StatusErrorException("The initialisation failed", payload=payload)

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        with self._lock:
            self._invoking = True
        try:
            with INVOCATIONS.one():
                return self._invoke(payload)
        finally:
            with self._lock:
                self._invoking = False
                retire = self._stopped
            if retire:
                self._tear_down()

    def stop(self) -> None:
        """End the environment, after the invocation that is under way."""
        with self._lock:
            self._stopped = True
            if self._invoking:
                return
        self._tear_down()

    def cut_off(self) -> None:
        """End the process at once, in the middle of an invocation too."""
        self._stopped = True
        self._kill()

    def get_logs(self) -> str:
        return "".join(self._log)

    def drain_events(self) -> list[str]:
        """The events of the invocation that has ended, for the log group."""
        told, self._told = self._told, []
        return told

    def get_address(self) -> str:
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        return ""  # for LocalStack's runtime in a container, which this executor does without

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpacks the code. LocalStack shows an error raised here as the reason of the state Failed."""
        interpreter_for(function_version.config.runtime, settings.current().runtimes)
        for code in _code_and_layers(function_version):
            code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing was prepared but the unpacked code, and LocalStack removes that together with the version."""

    @classmethod
    def validate_environment(cls) -> bool:
        try:
            interpreter_for(DEFAULT, settings.current().runtimes)
        except RuntimeMissingError as error:
            LOG.error("Lambda functions can't run: %s", error)
            return False
        if not confinement_main.version():
            LOG.warning("This system has no Landlock: Lambda functions can read and change what you can.")
        return True

    # One invocation

    def _invoke(self, payload: dict[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        timeout = float(self.function_version.config.timeout)
        began = time.monotonic()
        first, self._first = self._first, None
        outcome: Outcome | None = None
        memory = 0
        if self._process is None or not self._process.is_running():
            again = self._initialise(timeout, phase="invoke")
            began = time.monotonic() - again.milliseconds / 1000
            outcome = None if isinstance(again.outcome, Ready) else again.outcome
        self._log.append(self._report.start(request_id, self.function_version.id.qualifier))
        if outcome is None:
            outcome, memory = self._send(payload, timeout - (time.monotonic() - began))
        milliseconds = (time.monotonic() - began) * 1000

        result, error_type = payload_and_error(outcome, request_id, timeout, self._paths)
        ready_at_first = first is not None and isinstance(first.outcome, Ready)
        spent = report.Spent(
            milliseconds=milliseconds,
            memory_size=self.function_version.config.memory_size,
            memory_used=memory,
            init_milliseconds=first.milliseconds if first and ready_at_first else None,
        )
        self._log_end(request_id, outcome, error_type, spent)
        if isinstance(outcome, TooLarge):
            # The runtime client ends after this; a process that is about to end must not get the next event.
            self._end_process()
        metrics.duration(self.function_version.qualified_arn, milliseconds)
        self._told, self._log = self._log, []
        logs = "".join(filter(report.is_in_tail, self._told))
        return InvocationResult(
            request_id=request_id, payload=result, is_error=not isinstance(outcome, Responded), logs=logs
        )

    def _send(self, payload: dict[str, str], seconds: float) -> tuple[Outcome, int]:
        """Give the event to the process. Returns what became of it within so many seconds, and the peak of memory."""
        process = self._process
        assert process is not None
        handover.function_gets_event()
        outcome = self._await(process.send(self._event(payload, seconds)), seconds)
        memory = process.peak_memory()
        self._drain_output(process)
        return outcome, memory

    def _log_end(self, request_id: str, outcome: Outcome, error_type: str | None, spent: report.Spent) -> None:
        status = None
        match outcome:
            case TimedOut():
                status = "timeout"
                self._log.append(self._report.timeout(request_id, float(self.function_version.config.timeout)))
            case Exited(code):
                status = "error"
                self._log.append(self._report.exit(request_id, code))
        self._log += [
            self._report.end(request_id),
            self._report.report(request_id, spent, status, error_type if status == "error" else None),
        ]

    def _event(self, payload: dict[str, str], seconds: float) -> Event:
        return Event(
            request_id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            deadline=int((time.time() + seconds) * 1000),
            trace_id=payload["trace-id"],
            client_context=self.client_context,
            payload=payload["payload"].encode(),
        )

    def _await(self, answer: Future[Answer], seconds: float) -> Outcome:
        try:
            outcome = answer.result(max(seconds, 0))
        except TimeoutError:
            self._kill()
            return TimedOut()
        if isinstance(outcome, Exited):
            self._kill()
        return outcome

    # The process and its initialisation

    def _initialise(self, seconds: float, phase: str) -> Initialised:
        """Starts a process and waits until its code is loaded; leaves no process when that fails."""
        config = self.function_version.config
        interpreter = interpreter_for(config.runtime, settings.current().runtimes)
        self.prepare_version(self.function_version)  # of a loaded state it may not be yet
        task_root, *layers = (code.get_unzipped_code_location() for code in _code_and_layers(self.function_version))
        places = Places(
            task_root=task_root,
            layers=tuple(layers),
            private=self._private,
            interpreter=interpreter.executable,
        )
        version_arn = (config.runtime_version_config or {}).get("RuntimeVersionArn") or ""
        self._log.append(self._report.init_start(interpreter.name, version_arn))
        if config.runtime and interpreter.name != config.runtime:
            self._log.append(self._report.stand_in(config.runtime, interpreter.name))
        self._paths = AwsPaths(places, interpreter.name)
        self._end_process()
        outcome: Ready | Failed | Exited | TimedOut
        with turn(INIT_TIMEOUT_SECONDS):
            began = time.monotonic()
            self._process = process = self._start(interpreter, places)
            try:
                outcome = process.initialised.result(seconds)
            except TimeoutError:
                outcome = TimedOut()
        milliseconds = (time.monotonic() - began) * 1000
        process.peak_memory()
        if not isinstance(outcome, Ready):
            self._kill()
        self._drain_output(process)
        if not isinstance(outcome, Ready):
            _, error_type = payload_and_error(outcome, "", seconds, self._paths)
            if isinstance(outcome, TimedOut):
                line = self._report.init_report(milliseconds, phase, "timeout")
            else:
                line = self._report.init_report(milliseconds, phase, "error", error_type)
            self._log.append(line)
            self._process = None
        return Initialised(outcome, milliseconds)

    def _start(self, interpreter: Interpreter, places: Places) -> RuntimeProcess:
        """Raises TooManyRequestsException where the machine has no room for one more process."""
        config = self.function_version.config

        def environment(address: str) -> dict[str, str]:
            configured = config.environment or {}
            return function_environment(
                self._prepared,
                configured,
                places,
                runtime=interpreter.name,
                declared=config.runtime or interpreter.name,
                runtime_api=address,
            )

        try:
            return RuntimeProcess(interpreter, config.handler or "", environment, places)
        except OSError as error:
            if error.errno not in OUT_OF_RESOURCES:
                raise
            LOG.error("no process for %s: %s", self.function_version.qualified_arn, error)
            raise throttled() from error

    def _drain_output(self, process: RuntimeProcess) -> None:
        output = process.drain_output()
        self._log += report.output_events(self._paths.in_tracebacks(output) if self._paths else output)

    def _kill(self) -> None:
        if self._process:
            self._process.peak_memory()  # can't be asked for afterwards
            self._process.kill()

    def _end_process(self) -> None:
        self._kill()
        self._process = None

    @property
    def _private(self) -> Path:
        return Path(tempfile.gettempdir()) / "lambda-environments" / self.id

    def _tear_down(self) -> None:
        self._end_process()
        shutil.rmtree(self._private, ignore_errors=True)


def _report_of(function_version: FunctionVersion) -> report.TextReport:
    logging_config = function_version.config.logging_config or {}
    if logging_config.get("LogFormat") == LogFormat.JSON:
        return report.JsonReport(str(logging_config.get("SystemLogLevel") or "INFO"))
    return report.TextReport()


def _code_and_layers(function_version: FunctionVersion) -> list[ArchiveCode]:
    """The function's own code first, then its layers in their order."""
    config = function_version.config
    return [code for code in (config.code, *(layer.code for layer in config.layers)) if code]
