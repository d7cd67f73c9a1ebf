"""Commands as a user runs them, with how long they took and how much memory they needed at most."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psutil

from stockroom.errors import StockroomError
from stockroom.settings import PREFIX

_LOOK_PAUSE_SECONDS = 0.1
_MB = 2**20


@dataclass(frozen=True)
class Done:
    """A command that ended well: how long it took, the most memory of its own process (MB), what it printed."""

    seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Done:
    """Run a command. Raises StockroomError with the end of its output when it fails; ended when this is interrupted."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        with _ended(process), _peaks_of(process.pid) as peaks:
            process.wait()
        seconds = perf_counter() - started
        out.seek(0)
        err.seek(0)
        output, errors = out.read(), err.read()
    if process.returncode:
        words = " ".join(command[:8])
        last = "\n".join(f"{output}\n{errors}".strip().splitlines()[-15:])
        raise StockroomError(f"`{words}` failed with exit code {process.returncode}", details=last)
    return Done(seconds, max(peaks), output)


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """However the block ends, the process has; what it started is the platform's, which is taken down as a whole."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def _peaks_of(pid: int) -> Iterator[list[float]]:
    """What `peak_mb` tells of a process now and then, until the block ends: seldom, or it would slow down others."""
    peaks, over = [peak_mb(pid)], threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_PAUSE_SECONDS):
            peaks.append(peak_mb(pid))

    looks = threading.Thread(target=look, daemon=True)
    looks.start()
    try:
        yield peaks
    finally:
        over.set()
        looks.join()


def peak_mb(pid: int) -> float:
    """The most memory that a process had so far, where the system tells, else what it has now; 0 when it has gone."""
    try:
        if found := re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE):
            return int(found[1]) / 1024
    except OSError:
        pass
    try:
        return float(psutil.Process(pid).memory_info().rss) / _MB
    except psutil.Error:
        return 0.0


@dataclass(frozen=True)
class Checkout:
    """A checkout of the repository, and the settings with which its commands run."""

    root: Path
    settings: Mapping[str, str]

    def invoke(self, *words: str, **more: str) -> Done:
        """Run a task in the checkout; `more` are settings that only this one gets."""
        return run([sys.executable, "-m", "invoke", *words], self.root, self._environment(more))

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        known = setting_names((self.root / ".env.example").read_text())
        kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        return kept | {name: value for name, value in {**self.settings, **more}.items() if name in known}


def setting_names(example: str) -> set[str]:
    """The settings that a checkout's .env.example names; it refuses any other."""
    return set(re.findall(rf"^({PREFIX}\w+)=", example, re.MULTILINE))
