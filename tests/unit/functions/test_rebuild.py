from collections.abc import Iterator

import pytest
import rebuild
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from fake_s3 import FakeS3, etag, refused
from lambda_calls import Context, failed
from object_created import Batch
from rebuild import OvertakenError, Present, Target, UnmendedError, rebuild_partitions, until_not_overtaken
from redelivery import Redelivery
from remaining_time import OutOfTimeError


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    made: list[float] = []
    monkeypatch.setattr("remaining_time.time.sleep", made.append)
    return made


def overtaken(times: int) -> Iterator[rebuild.Counts]:
    for _ in range(times):
        yield {}
    yield {"events": 1}


def messages(ids: str) -> Redelivery:
    """Messages that were received once, whose receipt handles are their ids."""
    return Redelivery([{"messageId": name, "receiptHandle": name} for name in ids], 60)


def test_starts_over_until_nobody_was_faster(pauses: list[float]) -> None:
    left = overtaken(3)

    def attempt() -> rebuild.Counts:
        if counts := next(left):
            return counts
        raise OvertakenError

    assert until_not_overtaken(attempt, lambda: 10) == {"events": 1, "attempts": 4}
    assert len(pauses) == 3
    assert all(0 <= pause <= 2 for pause in pauses)


def test_ends_with_the_functions_time(pauses: list[float]) -> None:
    seconds = iter([3.0, 0.01, 0.0])

    def attempt() -> rebuild.Counts:
        raise OvertakenError

    with pytest.raises(OutOfTimeError, match="after 1 attempts"):
        until_not_overtaken(attempt, lambda: next(seconds))
    assert pauses <= [0.01]


def test_a_date_that_fails_fails_its_messages_and_no_others() -> None:
    asked: list[str] = []

    def build(date: str) -> rebuild.Counts:
        asked.append(date)
        if date == "2010-12-02":
            raise ValueError
        return {"events": 1}

    batch = Batch({"2010-12-01": ["a", "b"], "2010-12-02": ["c", "d"], "2010-12-03": ["e"]}, {"f": "no event"})
    answer = rebuild_partitions(batch, build, Context(), messages("abcdef"), Logger(service="test"))
    assert failed(answer) == ["f", "c", "d"]
    assert asked == ["2010-12-01", "2010-12-02", "2010-12-03"]


def test_dates_that_time_does_not_suffice_for_stay_in_the_queue() -> None:
    context = Context()

    def build(date: str) -> rebuild.Counts:
        context.seconds = 0.5
        return {}

    again = messages("ab")
    batch = Batch({"2010-12-01": ["a"], "2010-12-02": ["b"]}, {})
    assert failed(rebuild_partitions(batch, build, context, again, Logger())) == ["b"]
    assert {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in again.entries()} == {"b": 240}


def test_when_what_failed_comes_again_depends_on_why() -> None:
    def build(date: str) -> rebuild.Counts:
        raise UnmendedError if date == "2010-12-01" else ConnectionError

    again = messages("abc")
    batch = Batch({"2010-12-01": ["a"], "2010-12-02": ["b"]}, {"c": "no event"})
    assert failed(rebuild_partitions(batch, build, Context(), again, Logger())) == ["c", "a", "b"]
    told = {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in again.entries()}
    assert told == {"a": 60, "b": 240, "c": 0}


def test_a_target_is_written_only_as_it_was_looked_at() -> None:
    target = Target(FakeS3(), "bucket", "key")
    absent = target.look()
    assert absent == Present(None, {})
    target.replace(absent, b"one", {"n": "1"})
    first = target.look()
    assert first == Present(etag(b"one"), {"n": "1"})
    with pytest.raises(OvertakenError):
        target.replace(absent, b"zero", {})
    target.replace(first, b"two", {})
    with pytest.raises(OvertakenError):
        target.replace(first, b"three", {})
    target.s3.objects.clear()
    with pytest.raises(OvertakenError):  # deleted since
        target.replace(first, b"four", {})
    assert target.s3.objects == {}


@pytest.mark.parametrize(("code", "expected"), [("ConditionalRequestConflict", OvertakenError), ("NoSuchBucket", None)])
def test_of_other_errors_only_a_conflict_is_a_reason_to_start_over(code: str, expected: type[Exception] | None) -> None:
    class Refusing(FakeS3):
        def put_object(self, **_: object) -> dict[str, object]:  # type: ignore[override]
            raise refused(code)

    with pytest.raises(expected or ClientError):
        Target(Refusing(), "bucket", "key").replace(Present(None, {}), b"", {})


@pytest.mark.parametrize("code", ["403", "500"])
def test_what_cannot_be_looked_at_is_not_taken_for_absent(code: str) -> None:
    class Refusing(FakeS3):
        def head_object(self, **_: object) -> dict[str, object]:  # type: ignore[override]
            raise refused(code)

    with pytest.raises(ClientError):
        Target(Refusing(), "bucket", "key").look()
