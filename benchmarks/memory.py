"""Memory: the emulator with everything it started, and the toolkit's own commands."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from benchmarks.figures import Figure, Findings
from benchmarks.platform import Bench

_MB = 2**20
_PARTS = {
    "LocalStack": ("-m stockroom_localstack",),
    "DynamoDB Local": ("dynamodb_local/main.py",),
    "functions": ("fork_server_main", "awslambdaric"),
}
OTHER = "other"


@dataclass(frozen=True)
class Memory:
    """Of one process, in MB: resident, and its share where pages that others use too are divided among them (PSS)."""

    command: str
    resident: float
    share: float | None


def part_of(command: str) -> str:
    """Which part of the emulator a command line is of."""
    return next((part for part, words in _PARTS.items() if any(word in command for word in words)), OTHER)


def figures_of(processes: Iterable[Memory]) -> list[Figure]:
    """The emulator as a whole and its parts beside it; by PSS where the system tells, else by resident memory."""
    processes = list(processes)
    known = all(process.share is not None for process in processes)
    kind = "PSS" if known else "RSS"
    sums: dict[str, float] = {}
    for process in processes:
        share = process.share if known and process.share is not None else process.resident
        part = part_of(process.command)
        sums[part] = sums.get(part, 0) + share
    whole = Figure(f"emulator and all that it started, {kind}", sum(sums.values()), "MB")
    resident = Figure("emulator and all that it started, RSS", sum(each.resident for each in processes), "MB")
    parts = [Figure(f"{part}, {kind}", sums[part], "MB").of(whole) for part in (*_PARTS, OTHER) if part in sums]
    return [whole, *([resident.of(whole)] if known else []), *parts]


def read_memory(pid: int) -> list[Memory]:
    """Of the process and everything it started."""
    top = psutil.Process(pid)
    found = []
    for process in [top, *top.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            info = process.memory_full_info()
            share = getattr(info, "pss", None)
            command = " ".join(process.cmdline())
            found.append(Memory(command, info.rss / _MB, None if share is None else share / _MB))
    return found


def measure(bench: Bench) -> Findings:
    platform = bench.here
    platform.fresh_and_quiet()
    status = platform.invoke("infra-status", "--json")
    processes = read_memory(json.loads(status.output)["engine"]["pid"])
    figures = figures_of(processes)
    whole = figures[0]
    figures += [
        Figure("toolkit: infra-status, peak", status.peak_mb, "MB").of(whole),
        Figure("toolkit: infra-up, nothing has changed, peak", platform.invoke("infra-up").peak_mb, "MB").of(whole),
    ]
    notes = ["Seeded with the sample and idle. A command of the toolkit is measured without what it starts."]
    samples = {
        "processes": [{"part": part_of(each.command), "rss": each.resident, "pss": each.share} for each in processes]
    }
    return Findings(figures, notes, samples)
