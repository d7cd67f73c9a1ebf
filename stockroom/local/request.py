"""What `infra-up` and `seed` are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stockroom.environments import check_stack
from stockroom.errors import StockroomError
from stockroom.project import read_project
from stockroom.releases.code import Code
from stockroom.seeder import Dataset
from stockroom.settings import Settings
from stockroom.stacks import Manifests, check_reads, default_stacks, in_order, read_manifests, with_needs

_OPTIONS = {"--date-order": ("", "mdy", "dmy"), "--duplicates": ("keep", "drop")}


@dataclass(frozen=True)
class Request:
    """The stacks in the order in which they are deployed, whether and what to seed, and whether to use snapshots.

    `code` is what is deployed; None is the work tree as it is then.
    """

    stacks: tuple[str, ...]
    seed: bool = True
    dataset: Dataset = field(default_factory=Dataset)
    snapshots: bool = True
    code: Code | None = None


def make_request(
    settings: Settings,
    stacks: Sequence[str] = (),
    seed: bool = True,
    dataset: str = "",
    date_order: str = "",
    duplicates: str = "keep",
    snapshots: bool = True,
) -> Request:
    """A request from what the command line says. Raises StockroomError for what can not be done."""
    for (option, known), value in zip(_OPTIONS.items(), (date_order, duplicates), strict=True):
        if value not in known:
            raise StockroomError(f"{option} {value}: not known", f"it is one of: {', '.join(filter(None, known))}")
    if dataset and not seed:
        raise StockroomError("--dataset and --no-seed contradict each other", "leave one of them out")
    file = Path(dataset).expanduser().absolute() if dataset else settings.seed_dataset
    manifests = read_manifests()
    default = settings.stacks or default_stacks(manifests, read_project().stacks)
    names = wanted_stacks(stacks or default, manifests)
    check_reads(manifests, names)
    return Request(names, seed, Dataset(file if seed else None, date_order or None, duplicates), snapshots)


def wanted_stacks(named: Iterable[str], manifests: Manifests) -> tuple[str, ...]:
    """The stacks that are named and what they need, in order. Raises StockroomError for one that there is not."""
    return tuple(in_order(manifests, with_needs(manifests, [check_stack(name) for name in named])))
