"""The outcomes of a pytest run as they come, read from what stockroom.testing.pytest_plugin writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass
class Outcomes:
    """What is known of a run so far: how many tests there are, and the outcome of those that have ended, by id."""

    collected: int = 0
    of: dict[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """{"passed": …, "failed": …, "skipped": …}"""
        found = Counter(self.of.values())
        return {outcome: found[outcome] for outcome in (PASSED, FAILED, SKIPPED)}

    @property
    def failed(self) -> list[str]:
        return sorted(name for name, outcome in self.of.items() if outcome == FAILED)

    def add(self, lines: Iterable[str]) -> list[str]:
        """Take in further lines; returns the ids of the tests that they say failed."""
        failed = []
        for line in lines:
            event = json.loads(line)
            if "collected" in event:
                self.collected = event["collected"]
            else:
                self.of[event["id"]] = event["outcome"]
                if event["outcome"] == FAILED:
                    failed.append(event["id"])
        return failed

    def __str__(self) -> str:
        counts = self.counts
        others = [f", {counts[outcome]} {outcome}" for outcome in (FAILED, SKIPPED) if counts[outcome]]
        return f"{counts[PASSED]} of {self.collected} passed{''.join(others)}"


def merge(rounds: Iterable[Outcomes]) -> dict[str, str]:
    """Id → outcome over several rounds: failed if it failed in any, passed if it passed in any."""
    merged: dict[str, str] = {}
    for each in rounds:
        for name, outcome in each.of.items():
            merged[name] = min(merged.get(name, outcome), outcome, key=(FAILED, PASSED, SKIPPED).index)
    return merged
