"""What pytest's JUnit XML says of a run that was meant to fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

Outcome = Literal["passed", "failed", "error", "skipped"]

# How a failure begins that a test has found: an assert that does not hold, or `wait_until` without success.
_FOUND = re.compile(r"assert\b|AssertionError\b|Failed: not so after ")


@dataclass(frozen=True)
class CaseResult:
    """`failed`: while the test itself ran; `error`: before or after it, or while tests were collected."""

    name: str
    outcome: Outcome
    message: str = ""

    @property
    def found_it(self) -> bool:
        """Whether the test looked and saw that something is wrong, as opposed to breaking itself."""
        return self.outcome == "failed" and _FOUND.match(self.message) is not None

    def __str__(self) -> str:
        line = next(iter(self.message.splitlines()), "")
        return f"{self.name} ({self.outcome}{f': {line}' if line else ''})"


def read_results(text: str) -> list[CaseResult]:
    """The results in the order of the run; names are `<module>::<test>`."""
    return [_result(case) for case in ElementTree.fromstring(text).iter("testcase")]


def _result(case: ElementTree.Element) -> CaseResult:
    module = case.get("classname", "").rpartition(".")[2]
    name = "::".join(filter(None, [module, case.get("name")]))
    outcomes: tuple[tuple[str, Outcome], ...] = (("failure", "failed"), ("error", "error"), ("skipped", "skipped"))
    for tag, outcome in outcomes:
        if (found := case.find(tag)) is not None:
            return CaseResult(name, outcome, found.get("message", ""))
    return CaseResult(name, "passed")
