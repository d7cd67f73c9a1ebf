from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from stockroom.engines.logs import follow, last_lines


def test_the_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log, 3) == []
    log.write_bytes(b"one\ntwo\n\xff broken\nfour")
    assert last_lines(log, 2) == ["\ufffd broken", "four"]
    assert last_lines(log, 100) == ["one", "two", "\ufffd broken", "four"]
    assert last_lines(log, 0) == []


class Follower:
    """Follows the log on a thread of its own, which ends with the tests."""

    def __init__(self, log: Path, count: int) -> None:
        self._lines: Queue[str] = Queue()
        Thread(target=self._follow, args=(follow(log, count),), daemon=True).start()

    def _follow(self, lines: Iterator[str]) -> None:
        for line in lines:
            self._lines.put(line)

    def next(self, count: int = 1) -> list[str]:
        return [self._lines.get(timeout=5) for _ in range(count)]

    def is_silent(self) -> bool:
        return self._lines.empty()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "localstack.log"


def test_following_goes_on_with_each_new_line(log: Path) -> None:
    log.write_text("one\ntwo\nthree\n")
    follower = Follower(log, 2)
    assert follower.next(2) == ["two", "three"]
    with log.open("a") as file:
        file.write("fo")
        file.flush()
        assert follower.is_silent()
        file.write("ur\nfive\n\n")
        file.flush()
        assert follower.next(3) == ["four", "five", ""]


def test_following_waits_for_the_log(log: Path) -> None:
    follower = Follower(log, 10)
    log.write_text("one\n")
    assert follower.next() == ["one"]


def test_following_goes_on_in_the_log_of_the_next_start(log: Path) -> None:
    log.write_text("one\n")
    follower = Follower(log, 10)
    assert follower.next() == ["one"]
    with log.open("a") as file:
        file.write("last words\nwithout an end")
    log.unlink()
    log.write_text("again\n")
    assert follower.next(3) == ["last words", "without an end", "again"]
    with log.open("a") as file:
        file.write("and on\n")
    assert follower.next() == ["and on"]


def test_following_survives_the_time_without_a_log(log: Path) -> None:
    log.write_text("one\n")
    follower = Follower(log, 10)
    assert follower.next() == ["one"]
    log.rename(log.with_suffix(".old"))
    assert follower.is_silent()
    log.write_text("again\n")
    assert follower.next() == ["again"]


def test_no_line_is_lost_while_the_log_grows(log: Path) -> None:
    expected = [f"line {number}" for number in range(3000)]
    follower = None
    with log.open("a") as file:
        for number, line in enumerate(expected):
            file.write(f"{line}\n")
            file.flush()
            if number == 100:
                follower = Follower(log, 10_000)
    assert follower is not None
    assert follower.next(len(expected)) == expected
