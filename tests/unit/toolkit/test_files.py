from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.system.files import close_to_others, write_whole


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "sales.png"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    path.unlink()
    path.mkdir()
    with pytest.raises(StockroomError, match=r"sales\.png can not be written"):
        write_whole(path, b"third")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_its_owners_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    write_whole(tmp_path / "record.json", b"")
    write_whole(tmp_path / "sales.png", b"", mode=0o644)
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("record.json", "sales.png")] == [
        "0o600",
        "0o644",
    ]


@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o770, 0o700), (0o700, 0o700), (0o1777, 0o1777)])
def test_folders_of_ours_are_closed_and_everybodys_are_not(tmp_path: Path, before: int, after: int) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(before)
    close_to_others(folder)
    assert folder.stat().st_mode & 0o7777 == after
    close_to_others(tmp_path / "missing")
