from collections.abc import Iterator, Sequence
from threading import Event
from time import sleep

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from seed import delivery
from seed.delivery import Stopped, delay, deliver, in_batches, is_passing, may_have_arrived, side_by_side
from stockroom.errors import StockroomError
from tests.unit.seed.fake_platform import client_error


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_DELAY", 0.0)


def test_batches_are_limited_by_number_and_by_bytes() -> None:
    assert list(in_batches(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(in_batches(["aaa", "bb", "b", "cccc"], 10, len, 4)) == [["aaa"], ["bb", "b"], ["cccc"]]
    assert list(in_batches(["a" * 9, "b"], 10, len, 4)) == [["a" * 9], ["b"]]
    assert list(in_batches([], 2)) == []


def test_what_was_not_taken_is_sent_again_until_all_is_in() -> None:
    sent: list[Sequence[int]] = []

    def send(entries: Sequence[int]) -> Sequence[int]:
        sent.append(list(entries))
        return [entry for entry in entries if entry >= len(sent)]

    deliver(range(4), send, "queue", Event())
    assert sent == [[0, 1, 2, 3], [1, 2, 3], [2, 3], [3]]


def test_a_passing_error_is_waited_out() -> None:
    errors: list[Exception] = [
        client_error("ThrottlingException"),
        client_error("InternalFailure", 500),
        EndpointConnectionError(endpoint_url="http://x"),
    ]

    def send(_: Sequence[int]) -> Sequence[int]:
        if errors:
            raise errors.pop()
        return []

    deliver([1], send, "queue", Event())
    assert not errors


def test_an_error_that_waiting_does_not_mend_is_told_at_once() -> None:
    def send(_: Sequence[int]) -> Sequence[int]:
        raise client_error("ResourceNotFoundException")

    with pytest.raises(StockroomError, match=r"^table t cannot be loaded: it does not exist") as told:
        deliver([1], send, "table t", Event())
    assert "invoke infra-up" in str(told.value.hint)


def test_a_service_that_is_gone_is_given_up_in_one_clear_line() -> None:
    now = iter(range(0, 1000, 10))

    def send(_: Sequence[int]) -> Sequence[int]:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    with pytest.raises(StockroomError, match=r"stream s cannot be loaded; for 30 s: Could not connect") as told:
        deliver([1], send, "stream s", Event(), clock=lambda: next(now))
    assert "\n" not in told.value.message


def test_patience_begins_anew_with_every_entry_taken() -> None:
    now = iter(range(0, 10_000, 20))
    deliver(range(20), lambda entries: entries[1:], "queue", Event(), clock=lambda: next(now))


def test_a_stop_ends_it() -> None:
    stop = Event()

    def send(entries: Sequence[int]) -> Sequence[int]:
        stop.set()
        return entries

    with pytest.raises(Stopped):
        deliver([1], send, "queue", stop)


def test_waits_grow_up_to_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "FIRST_DELAY", 0.1)
    assert 0.05 <= delay(0) <= 0.1
    assert 0.4 <= delay(3) <= 0.8
    assert 2.5 <= delay(1_000_000) <= 5


def test_several_batches_at_a_time_and_no_more_drawn_than_go_out() -> None:
    drawn: list[int] = []
    done: list[int] = []

    def batches() -> Iterator[list[int]]:
        for number in range(20):
            drawn.append(number)
            assert len(drawn) - len(done) <= 4
            yield [number]

    def send(batch: Sequence[int]) -> None:
        sleep(0.001)
        done.extend(batch)

    side_by_side(batches(), send, workers=3)
    assert sorted(done) == list(range(20))


def test_the_first_error_ends_the_drawing() -> None:
    drawn = []

    def batches() -> Iterator[list[int]]:
        for number in range(1000):
            drawn.append(number)
            yield [number]

    def send(batch: Sequence[int]) -> None:
        raise StockroomError("no")

    with pytest.raises(StockroomError, match="no"):
        side_by_side(batches(), send, workers=2)
    assert len(drawn) < 10


def test_only_an_answer_that_got_lost_leaves_doubt() -> None:
    url = {"endpoint_url": "http://x"}
    assert may_have_arrived(ReadTimeoutError(**url))
    assert may_have_arrived(ConnectionClosedError(**url))
    assert may_have_arrived(client_error("InternalError", 500))
    assert not may_have_arrived(EndpointConnectionError(**url))
    assert not may_have_arrived(client_error("ThrottlingException"))
    assert not is_passing(client_error("AccessDeniedException"))
