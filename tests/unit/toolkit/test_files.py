from pathlib import Path

import pytest

from stockroom.errors import StockroomError
from stockroom.files import write_whole


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
