"""Every benchmark by its name, in the order in which they run; each needs no other one to have run before."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import chain, end_to_end, latency, memory, seeding, stacks, start, throughput
from benchmarks.figures import Findings
from benchmarks.platform import Bench
from stockroom.errors import StockroomError

BENCHMARKS: dict[str, Callable[[Bench], Findings]] = {
    "start": start.measure,
    "stacks": stacks.measure,
    "chain": chain.measure,
    "memory": memory.measure,
    "latency": latency.measure,
    "seeding": seeding.measure,
    "throughput": throughput.measure,
    "e2e": end_to_end.measure,
}


def choose(only: str) -> list[str]:
    """The benchmarks named in `only` (commas between; empty: all). Raises StockroomError for an unknown one."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := [name for name in names if name not in BENCHMARKS]:
        raise StockroomError(f"there is no benchmark '{unknown[0]}'", f"benchmarks are: {', '.join(BENCHMARKS)}")
    return [name for name in BENCHMARKS if name in names] if names else list(BENCHMARKS)
