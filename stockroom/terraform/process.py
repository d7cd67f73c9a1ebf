"""Running Terraform: its output, its end after Ctrl-C or a kill, and what its errors mean."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep

import psutil

from stockroom.errors import StockroomError
from stockroom.system.processes import processes_in, stop
from stockroom.terraform.apply_progress import json_line

_INTERRUPT_PATIENCE_SECONDS = 90
_READ_PAUSE_SECONDS = 0.1
_WATCH_PAUSE_SECONDS = 0.5


class ResourceExistsError(StockroomError):
    """Terraform wants to create what exists already: an earlier run died before it could write its state."""


def tuning(shell: Mapping[str, str]) -> dict[str, str]:
    """Variables that let Terraform and its providers work quickly on a local platform, and end soon where that died."""
    return {
        # The provider tries 25 times by default: many minutes, when something of the emulator has died.
        "AWS_MAX_ATTEMPTS": "5",
        # Terraform and the provider build large tables, several times an apply: with Go's default a quarter of
        # their processor time goes into looking for garbage, of which there is 400 MB more at the most this way.
        "GOGC": shell.get("GOGC", "400"),
    }


def run_terraform(
    stack: str,
    program: Path,
    args: list[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    watch: Callable[[], None] = lambda: None,
    read: Callable[[str], None] = lambda _: None,
) -> None:
    """Run Terraform in a stack's folder with exactly this environment; every line goes to the log and to `read`.

    `watch` is called while it runs and may raise. Raises StockroomError with Terraform's own diagnostics.
    """
    with log.open("a", encoding="utf-8") as output:
        output.write(f"--- {' '.join(args)}\n")
        output.flush()
        start = log.stat().st_size
        # In a session of its own and with a file for its output: a Ctrl-C must reach Terraform once, from us,
        # since a second one makes it drop its state; and when the toolkit is killed, Terraform must be able to
        # finish, which a broken pipe would not let it.
        process = subprocess.Popen(
            [str(program), *args],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    lines: list[str] = []
    try:
        for line in _lines_of(process, log, start, watch):
            lines.append(line)
            read(line)
    except BaseException as error:
        _end(process, watch, patiently=isinstance(error, KeyboardInterrupt))
        raise
    if process.returncode:
        raise _failure(stack, args[0], lines, log)


def _lines_of(process: subprocess.Popen[bytes], log: Path, start: int, watch: Callable[[], None]) -> Iterator[str]:
    """What the process writes to its log, line by line, until it ends; `watch` is called in between."""
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(start)
        pending = ""
        watched = monotonic()
        while True:
            ended = process.poll() is not None
            for piece in file:
                pending += piece
                if pending.endswith("\n"):
                    yield pending
                    pending = ""
            if ended:
                break
            if monotonic() - watched >= _WATCH_PAUSE_SECONDS:
                watch()
                watched = monotonic()
            sleep(_READ_PAUSE_SECONDS)
        if pending:
            yield pending


def wait_for_left_behind(
    folder: Path, whose: str, patience_seconds: float, note: Callable[[str], None]
) -> list[psutil.Process]:
    """A Terraform whose toolkit was killed goes on alone: let it finish, so that what it makes is in its state.

    A provider whose Terraform was killed waits for it for ever, so that is ended. Returns what still works in the
    folder when the time is over.
    """
    noted = False
    deadline = monotonic() + patience_seconds
    while left := list(processes_in(folder)):
        finishing = [process for process in left if not is_provider(process)]
        if not finishing:
            stop(left, patience=10)
        elif monotonic() > deadline:
            return finishing
        elif not noted:
            note(f"waiting for Terraform (process {finishing[0].pid}) of {whose} to finish")
            noted = True
        sleep(0.25)
    return []


def is_provider(process: psutil.Process) -> bool:
    """Whether a process is a Terraform provider, or stands before one, rather than Terraform itself."""
    try:
        return any(Path(word).name.startswith("terraform-provider-") for word in process.cmdline())
    except psutil.Error:
        return False


def _end(process: subprocess.Popen[bytes], watch: Callable[[], None], patiently: bool) -> None:
    """Let Terraform write its state after Ctrl-C, until the next one; end it at once when there is nothing left to
    write to."""
    if patiently:
        process.send_signal(signal.SIGINT)
        deadline = monotonic() + _INTERRUPT_PATIENCE_SECONDS
        with contextlib.suppress(KeyboardInterrupt, StockroomError):
            while monotonic() < deadline:
                try:
                    process.wait(_WATCH_PAUSE_SECONDS)
                    return
                except subprocess.TimeoutExpired:
                    watch()
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


_EXISTS = (
    "already exists", "AlreadyExists", "AlreadyOwnedByYou", "ResourceInUseException", "ResourceConflictException",
)  # fmt: skip


def _failure(stack: str, command: str, output: list[str], log: Path) -> StockroomError:
    """The error that Terraform's output tells of."""
    diagnostics = [event["diagnostic"] for line in output if (event := json_line(line)).get("type") == "diagnostic"]
    errors = [one for one in diagnostics if one.get("severity") == "error"]
    if errors:
        details = "\n".join(
            f"{one.get('address', stack)}: {one['summary']}\n  {one.get('detail', '').strip()}".rstrip()
            for one in errors
        )
        text = " ".join(f"{one['summary']} {one.get('detail', '')}" for one in errors)
    else:
        details = "".join(output[-20:]).strip()
        text = details
    kind = ResourceExistsError if any(word in text for word in _EXISTS) else StockroomError
    return kind(f"terraform {command} of the stack '{stack}' failed", f"the whole output is in {log}", details)
