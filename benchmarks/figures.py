"""What a benchmark finds: figures, each beside another one of the same run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`value` of `name` in `unit` ("s", "ms", "MB" or something a second, such as "events/s").

    `reference` is what it is compared with: a value in the same unit from the same run, called `beside`. Figures that
    only others are compared with have none. A share says how much of its reference a figure is, or how many times it;
    neither of the two is better.
    """

    name: str
    value: float
    unit: str
    beside: str | None = None
    reference: float | None = None
    is_share: bool = False

    @property
    def ratio(self) -> float | None:
        """How many times the reference the value is; None where there is no reference, or it is 0."""
        return self.value / self.reference if self.reference else None

    @property
    def is_better(self) -> bool | None:
        """Whether the value is at least as good as its reference: rates want to be high, all else low."""
        if self.ratio is None or self.is_share:
            return None
        return self.ratio >= 1 if self.unit.endswith("/s") else self.ratio <= 1

    def than(self, other: Figure) -> Figure:
        """This figure, compared with another one. Raises ValueError where their units differ."""
        if self.unit != other.unit:
            raise ValueError(f"{self.name} is in {self.unit}, {other.name} in {other.unit}")
        return Figure(self.name, self.value, self.unit, other.name, other.value)

    def of(self, whole: Figure) -> Figure:
        """This figure as a share or a multiple of another one."""
        return replace(self.than(whole), is_share=True)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "beside": self.beside,
            "reference": self.reference,
            "ratio": self.ratio,
            "better": self.is_better,
        }


@dataclass(frozen=True)
class Findings:
    """What one benchmark found: its figures, what has to be known to read them, and the samples that they are of."""

    figures: list[Figure]
    notes: list[str] = field(default_factory=list)
    samples: dict[str, Any] = field(default_factory=dict)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that so many percent of all samples do not exceed (nearest rank)."""
    if not samples:
        raise ValueError("no samples")
    rank = math.ceil(len(samples) * percent / 100)
    return sorted(samples)[max(rank, 1) - 1]


def rate(name: str, records: int, seconds: float, what: str = "records") -> Figure:
    """So many records in so many seconds, as a figure in records a second."""
    return Figure(name, records / seconds, f"{what}/s")
