"""What a whole sales file tells before any of its rows is taken: its columns, and how its dates are read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from seed import online_retail as uci
from seed.copied_file import open_csv
from seed.csv_rows import Row, read_rows
from seed.dates import DateOrder, DateReading, DateSurvey
from seed.progress import Progress
from stockroom.errors import StockroomError

_STEP = "looking at dates"
_ROWS = 5_000


@dataclass(frozen=True)
class Survey:
    """What the whole file tells before any row is taken."""

    columns: uci.Columns
    dates: DateReading
    rows: int


def survey(path: Path, asked: DateOrder | None, progress: Progress) -> Survey:
    """Raises StockroomError where the file is no Online Retail file or its dates are undecided."""
    columns, rows = read_header(path)
    dates = DateSurvey()
    count = 0
    progress.started(_STEP, path.stat().st_size, "bytes")
    seen = 0  # characters: nearly bytes
    for row in rows:
        count += 1
        seen += len(row.text) + 1
        if len(row.cells) == columns.width:
            dates.add(row.line, row.cells[columns.date].strip())
        if not count % _ROWS:
            progress.advanced(_STEP, seen)
            seen = 0
    progress.finished(_STEP)
    return Survey(columns, dates.decide(asked, path.name), count)


def check_header(path: Path) -> None:
    """Raises StockroomError where the beginning of the file shows that it can't be seeded."""
    open_csv(path).close()
    read_header(path)


def read_header(path: Path) -> tuple[uci.Columns, Iterator[Row]]:
    """The columns and the rows below the header. Raises StockroomError where the file has no such header or rows."""
    rows = read_rows(path)
    header = next(rows, None)
    if header and header.text.lower().startswith("sep="):
        if header.text[4:] != ",":
            raise uci.other_separator(path.name, header.text[4:])
        header = next(rows, None)
    if header is None:
        raise StockroomError(f"{path} is empty", hint="give a CSV file in the shape of UCI Online Retail")
    columns = uci.find_columns(header.cells, path.name)
    first = next(rows, None)
    if first is None:
        raise StockroomError(f"{path} has a header line but no rows", hint="give a file that holds sales")
    return columns, chain([first], rows)
