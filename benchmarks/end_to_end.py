"""`invoke e2e`: cold, on a platform that begins with a snapshot, and on the other engine."""

from __future__ import annotations

from statistics import median

from benchmarks.figures import Figure, Findings
from benchmarks.platform import Bench
from benchmarks.start import on_other_engines, step_seconds
from stockroom.errors import StockroomError


def measure(bench: Bench) -> Findings:
    platform = bench.here
    platform.invoke("infra-down")
    cold = platform.invoke("e2e")
    warm = [platform.invoke("e2e") for _ in range(bench.rounds(1, 3))]
    if ["apply" in step_seconds(each.output) for each in [cold, *warm]] != [True, *(False for _ in warm)]:
        raise StockroomError("not only the first run of `invoke e2e` applied, which all others should begin with")
    others, failures = on_other_engines(bench, "e2e")

    first = Figure("e2e, cold", cold.seconds, "s")
    tests = Figure("e2e, cold: tests", step_seconds(cold.output)["tests"], "s")
    again = median(step_seconds(each.output)["tests"] for each in warm)
    figures = [
        first,
        tests.of(first),
        Figure("e2e, from a snapshot", median(each.seconds for each in warm), "s").than(first),
        Figure("e2e, from a snapshot: tests", again, "s").than(tests),
        *(Figure(f"e2e, cold, {name}", seconds, "s").than(first) for name, seconds in others.items()),
    ]
    return Findings(figures, failures, {"from a snapshot": [each.seconds for each in warm]})
