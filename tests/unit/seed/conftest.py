from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seed.copied_file import copy_whole
from seed.dates import DateOrder
from seed.progress import Silent
from seed.staging import Duplicates, StagedFile
from seed.survey import survey
from tests.unit.seed.sales_files import HEADER, ROWS, Stage, WriteCsv


@pytest.fixture
def write_csv(tmp_path: Path) -> WriteCsv:
    """Writes rows (each a line of text) below a header and gives the file's path."""

    def write(rows: Sequence[str] = ROWS, header: str = HEADER, encoding: str = "utf-8", newline: str = "\r\n") -> Path:
        path = tmp_path / "sales.csv"
        path.write_bytes("".join(line + newline for line in (header, *rows)).encode(encoding))
        return path

    return write


@pytest.fixture
def stage(write_csv: WriteCsv, tmp_path: Path) -> Iterator[Stage]:
    """Writes a file as `write_csv` does, and stages it."""
    staged: list[StagedFile] = []

    def stage_file(
        rows: Sequence[str] = ROWS,
        date_order: DateOrder | None = None,
        duplicates: Duplicates = "keep",
        **file: str,
    ) -> StagedFile:
        copied = copy_whole(write_csv(rows, **file), tmp_path / "copy", Silent())
        dataset = StagedFile(copied, survey(copied.path, date_order, Silent()), tmp_path, duplicates)
        staged.append(dataset)
        dataset.stage(Silent())
        return dataset

    yield stage_file
    for dataset in staged:
        dataset.close()
