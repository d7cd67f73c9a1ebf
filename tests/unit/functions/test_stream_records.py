from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import stream_records
from fields import MalformedError
from table_streams import record


def with_change(**changes: object) -> dict[str, Any]:
    made = record(7, {"a": 1}, {"a": 2})
    return made | {"dynamodb": made["dynamodb"] | changes}


def test_a_change_with_both_images() -> None:
    change = stream_records.read(record(7, {"a": "x"}, {"a": Decimal("2.50"), "b": [{"c": 3}], "d": None, "e": True}))
    assert change.before == {"a": "x"}
    assert change.after == {"a": Decimal("2.5"), "b": [{"c": 3}], "d": None, "e": True}
    assert type(change.after["b"][0]["c"]) is int
    assert change.time == datetime(2025, 12, 1, 0, 0, 7, tzinfo=UTC)


def test_new_and_deleted_items_have_one_image() -> None:
    assert stream_records.read(record(7, None, {"a": 1})).before is None
    assert stream_records.read(record(7, {"a": 1}, None)).after is None


def test_sequences_compare_as_strings_whatever_their_length() -> None:
    numbers = [9, 10, 4421584500000000017450439091, 10**55]
    sequences = [stream_records.read(record(number, None, {})).sequence for number in numbers]
    assert sequences == sorted(sequences)
    assert {len(sequence) for sequence in sequences} == {64}


def test_what_nobody_reads_may_be_anything() -> None:
    item: dict[str, Any] = {"a": {"B": "AA=="}, "b": {"SS": ["x"]}}
    assert stream_records.read(with_change(NewImage=item)).after == item


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"NewImage": None}, "NewImage is missing"),
        ({"OldImage": "x"}, "OldImage is missing"),
        ({"NewImage": {"a": 1}}, "a is not an attribute value"),
        ({"NewImage": {"a": {"X": "1"}}}, "a is not an attribute value"),
        ({"NewImage": {"a": {"N": 1}}}, "a is not an attribute value"),
        ({"NewImage": {"a": {"L": [{"M": {"b": {}}}]}}}, "b is not an attribute value"),
        ({"NewImage": {"a": {"N": "one"}}}, "a is not a number"),
        ({"NewImage": {"a": {"N": "NaN"}}}, "a is not a number"),
        ({"NewImage": {"a": {"N": "1E+999999"}}}, "a is not a number"),
        ({"SequenceNumber": "x"}, "SequenceNumber is not a number"),
        ({"SequenceNumber": "1" * 65}, "SequenceNumber is not a number"),
        ({"ApproximateCreationDateTime": None}, "ApproximateCreationDateTime is not a number of seconds"),
        ({"ApproximateCreationDateTime": 1e300}, "ApproximateCreationDateTime is not a number of seconds"),
    ],
)
def test_what_is_no_change_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedError, match=f"^{reason}$"):
        stream_records.read(with_change(**changes))


def test_a_batch_goes_on_from_the_first_record_that_failed() -> None:
    assert stream_records.batch_response([]) == {"batchItemFailures": []}
    assert stream_records.batch_response({"100", "99", "101"}) == {"batchItemFailures": [{"itemIdentifier": "99"}]}
