from pathlib import Path

import pytest

from stockroom.settings import SAMPLE_DIR, Settings
from stockroom.snapshots.keys import NOT_SEEDED
from stockroom.snapshots.sources import dataset_part, read_parts
from stockroom.terraform.binary import Binary


def test_parts_of_this_checkout(settings: Settings) -> None:
    binary = Binary(Path("/bin/tofu"), "1.10.1")
    parts = read_parts(settings, binary, ["one", "two"], "release", "data")
    assert parts == read_parts(settings, binary, ["one", "two"], "release", "data")
    assert (parts.terraform, parts.stacks, parts.endpoint) == ("tofu 1.10.1", "one,two", settings.local_endpoint)
    assert len({parts.emulator, parts.plugin, parts.toolkit}) == 3
    assert parts != read_parts(settings, binary, ["one"], "release", "data")
    other_port = settings.model_copy(update={"port": settings.port + 1})
    assert parts != read_parts(other_port, binary, ["one", "two"], "release", "data")


def test_a_dataset_is_known_by_content_name_and_how_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sales.csv"
    file.write_text("1")
    parts = [dataset_part(True, file, None, "keep")]
    parts += [dataset_part(True, file, "mdy", "keep"), dataset_part(True, file, None, "drop")]
    file.write_text("2")
    parts += [dataset_part(True, file, None, "keep")]
    parts += [dataset_part(True, file.rename(tmp_path / "others.csv"), None, "keep")]
    parts += [dataset_part(True, None, None, "keep"), dataset_part(False, None, None, "keep")]
    assert len(set(parts)) == len(parts)
    assert parts[-1] == NOT_SEEDED


def test_the_sample_is_known_by_its_files(tmp_path: Path) -> None:
    copy = tmp_path / SAMPLE_DIR.name
    copy.mkdir()
    for file in SAMPLE_DIR.glob("*.jsonl"):
        (copy / file.name).write_bytes(file.read_bytes())
    assert dataset_part(True, copy, None, "keep") == dataset_part(True, None, None, "keep")
    (copy / "orders.jsonl").write_text("")
    assert dataset_part(True, copy, None, "keep") != dataset_part(True, None, None, "keep")


def test_a_missing_dataset(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        dataset_part(True, tmp_path / "none.csv", None, "keep")
