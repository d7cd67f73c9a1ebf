import hashlib
from pathlib import Path

import pytest

from seed.csv_rows import MAX_LINES_OF_A_ROW, Row, scan, split_rows
from stockroom.errors import StockroomError


def rows(text: str) -> list[Row]:
    return list(split_rows(text.splitlines(keepends=True)))


def test_rows_know_their_line_and_their_text() -> None:
    found = rows('a,b\r\n1,"x, y"\r\n\r\n2,"two\nlines"\n3,z')
    assert [(row.line, row.cells) for row in found] == [
        (1, ["a", "b"]),
        (2, ["1", "x, y"]),
        (4, ["2", "two\nlines"]),
        (6, ["3", "z"]),
    ]
    assert found[1].text == '1,"x, y"'
    assert found[2].text == '2,"two\nlines"'


def test_a_quote_that_is_never_closed_costs_one_row_only() -> None:
    found = rows('a,b\n1,x\n2,"open\n3,y\n4,z\n')
    assert [(row.line, row.cells, row.unclosed) for row in found] == [
        (1, ["a", "b"], False),
        (2, ["1", "x"], False),
        (3, [], True),
        (4, ["3", "y"], False),
        (5, ["4", "z"], False),
    ]
    assert found[2].text == '2,"open'


def test_two_open_quotes_far_apart_cost_two_rows() -> None:
    between = "".join(f"{n},x\n" for n in range(200))
    found = rows(f'a,b\n1,"open\n{between}2,"open\n{between}')
    assert len(found) == 403
    assert [row.line for row in found if row.unclosed] == [2, 203]


def test_an_open_quote_and_more_text_than_csv_takes_in_one_field() -> None:
    found = rows('a,b\n1,"open\n' + f"2,{'x' * 20_000}\n" * 20)
    assert [row.line for row in found if row.unclosed] == [2]
    assert len(found) == 22


def test_a_field_may_span_lines_but_not_without_end() -> None:
    text = 'a,b\n1,"{}"\n2,x\n'
    assert len(rows(text.format("\n" * (MAX_LINES_OF_A_ROW - 2)))) == 3
    too_long = rows(text.format("\n" * (MAX_LINES_OF_A_ROW + 5)))
    assert next(row.line for row in too_long if row.unclosed) == 2
    assert too_long[-1].cells == ["2", "x"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_rows_whatever_ends_a_line(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(f"a,b{newline}1,x{newline}2,y".encode())
    with path.open(encoding="utf-8", newline="") as file:
        assert [(row.line, row.cells) for row in split_rows(file)] == [
            (1, ["a", "b"]),
            (2, ["1", "x"]),
            (3, ["2", "y"]),
        ]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"plain", "utf-8"),
        ("café".encode(), "utf-8"),
        (b"\xef\xbb\xbfplain", "utf-8-sig"),
        ("café £".encode("latin-1"), "cp1252"),
        (b"\x81 is no character of Windows", "latin-1"),
        ("é".encode()[:1], "cp1252"),  # ends in the middle of a character
    ],
)
def test_the_whole_file_tells_its_encoding(tmp_path: Path, content: bytes, encoding: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    scanned = scan(path)
    assert scanned.encoding == encoding
    assert scanned.digest == hashlib.sha256(content).hexdigest()
    assert scanned.size == len(content)


def test_a_single_odd_byte_after_a_megabyte_still_counts(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(b"x" * (1 << 20) + b"\xa3")
    assert scan(path).encoding == "cp1252"


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\x1f\x8brest", "gzip"),
        ("text".encode("utf-16"), "UTF-16"),
        (b"a,b\n1,\x00\n", "binary"),
    ],
)
def test_what_is_no_text_is_refused_by_name(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    with pytest.raises(StockroomError, match=word) as refused:
        scan(path)
    assert str(path) in refused.value.message
    assert refused.value.hint


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StockroomError, match=r"nowhere\.csv cannot be read: No such file"):
        scan(tmp_path / "nowhere.csv")
