import tracemalloc
from pathlib import Path

import pytest

from seed.csv_rows import MAX_LINES_OF_A_ROW, Row, read_rows, split_rows
from seed.reasons import LONG_LINE, MAX_LINE, UNCLOSED_QUOTE


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
    assert [(row.line, row.cells, row.fault) for row in found] == [
        (1, ["a", "b"], ""),
        (2, ["1", "x"], ""),
        (3, [], UNCLOSED_QUOTE),
        (4, ["3", "y"], ""),
        (5, ["4", "z"], ""),
    ]
    assert found[2].text == '2,"open'


def test_two_open_quotes_far_apart_cost_two_rows() -> None:
    between = "".join(f"{n},x\n" for n in range(200))
    found = rows(f'a,b\n1,"open\n{between}2,"open\n{between}')
    assert len(found) == 403
    assert [row.line for row in found if row.fault == UNCLOSED_QUOTE] == [2, 203]


def test_an_open_quote_and_more_text_than_csv_takes_in_one_field() -> None:
    found = rows('a,b\n1,"open\n' + f"2,{'x' * 20_000}\n" * 20)
    assert [row.line for row in found if row.fault == UNCLOSED_QUOTE] == [2]
    assert len(found) == 22


def test_a_field_may_span_lines_but_not_without_end() -> None:
    text = 'a,b\n1,"{}"\n2,x\n'
    assert len(rows(text.format("\n" * (MAX_LINES_OF_A_ROW - 2)))) == 3
    too_long = rows(text.format("\n" * (MAX_LINES_OF_A_ROW + 5)))
    assert next(row.line for row in too_long if row.fault == UNCLOSED_QUOTE) == 2
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
    ("content", "text"),
    [
        (b"plain", "plain"),
        ("café".encode(), "café"),
        (b"\xef\xbb\xbfplain", "plain"),
        ("café £".encode("latin-1"), "café £"),
        ("“quoted” €".encode("cp1252"), "“quoted” €"),
        (b"\x81 is no character of Windows", "\x81 is no character of Windows"),
        ("é".encode()[:1], "Ã"),  # ends in the middle of a character
        ("CAFÉ\tÖsterreich ".encode() + b"\xa35 CUP", "CAFÉ\tÖsterreich £5 CUP"),
        ("日本".encode() + b"\xff" + "🫖".encode(), "日本ÿ🫖"),
    ],
)
def test_an_odd_byte_costs_no_other_character(tmp_path: Path, content: bytes, text: str) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes(content)
    assert [row.cells for row in read_rows(path)] == [[text]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
@pytest.mark.parametrize("length", [MAX_LINE - 2, MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, MAX_LINE + 2, 3 * MAX_LINE + 7])
def test_a_line_too_long_costs_one_row_only(tmp_path: Path, length: int, end: str) -> None:
    path = tmp_path / "f.csv"
    lines = ["a,b", end or "\n", "x" * length, end, *(["3,y", end] if end else [])]
    path.write_bytes("".join(lines).encode())
    found = list(read_rows(path))
    assert [row.line for row in found] == [1, 2, 3][: len(found)]
    assert found[1].fault == ("" if length + len(end) <= MAX_LINE else LONG_LINE)
    assert found[2:] == ([Row(3, ["3", "y"], "3,y")] if end else [])


def test_a_line_too_long_within_an_open_quote() -> None:
    found = rows(f'a,b\n1,"open\n2,y\n{"x" * (MAX_LINE + 5)}\n3,z\n')
    assert [(row.line, row.cells, row.fault) for row in found] == [
        (1, ["a", "b"], ""),
        (2, [], UNCLOSED_QUOTE),
        (3, ["2", "y"], ""),
        (4, [], LONG_LINE),
        (5, ["3", "z"], ""),
    ]


def test_memory_does_not_grow_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    with path.open("wb") as file:
        file.write(b"a,b\n")
        for _ in range(50):
            file.write(b"x" * 1_000_000)
        file.write(b"\n1,y\n")
    tracemalloc.start()
    found = list(read_rows(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(row.line, row.cells) for row in found] == [(1, ["a", "b"]), (2, []), (3, ["1", "y"])]
    assert len(found[1].text) < 2_000
    assert peak < 2_000_000
