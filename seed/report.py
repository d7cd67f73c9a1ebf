"""What a seeding did, as data: for the table at its end, for `--json`, and for the mark that it is done."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seed.dataset import Counts, Reading


@dataclass(frozen=True)
class SeedReport:
    """rows_read == rows_accepted + the sums of `set_aside` and of `rejected`; the counts are those of the dataset,
    now all in place.

    `seconds` has the keys reading, dynamodb, kinesis, sqs and s3 (those that ran). `stock_added` are
    products that had stock before, to which this was added; `events_found` are events that an
    interrupted run had sent. Where `already_seeded`, nothing was done and the other fields tell of the run
    that did it.
    """

    dataset: str
    digest: str
    rows_read: int
    rows_accepted: int
    set_aside: dict[str, int]
    rejected: dict[str, int]
    repeated_rows: int
    duplicates: str
    date_order: str | None
    notes: tuple[str, ...]
    left_out_file: Path | None
    counts: Counts
    stock_added: int = 0
    events_found: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    already_seeded: bool = False

    @property
    def rows_rejected(self) -> int:
        return sum(self.rejected.values())

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {
            "left_out_file": str(self.left_out_file) if self.left_out_file else None,
            "notes": list(self.notes),
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "SeedReport":
        """Also of an earlier version's. Raises KeyError or TypeError where the fields are not those of a report."""
        known = {name: value for name, value in fields.items() if name in cls.__dataclass_fields__}
        file = fields.get("left_out_file") or fields.get("rejected_file")
        return cls(
            **{"set_aside": {}}
            | known
            | {
                "counts": Counts(**fields["counts"]),
                "notes": tuple(fields["notes"]),
                "left_out_file": Path(file) if file else None,
            }
        )


def report_of(name: str, digest: str, duplicates: str, reading: Reading, counts: Counts, **results: Any) -> SeedReport:
    return SeedReport(
        dataset=name,
        digest=digest,
        rows_read=reading.rows_read,
        rows_accepted=reading.rows_accepted,
        set_aside=reading.set_aside,
        rejected=reading.rejected,
        repeated_rows=reading.repeated_rows,
        duplicates=duplicates,
        date_order=reading.date_order,
        notes=reading.notes,
        left_out_file=reading.left_out_file,
        counts=counts,
        **results,
    )
