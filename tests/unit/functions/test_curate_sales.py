import gzip
import importlib
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from fake_s3 import FakeS3, refused
from lambda_calls import QUEUE, Context, batch, failed, object_created
from test_sales_event import EVENT

DAY = "sales_events/event_date=2010-12-01"
TARGET = ("processed", "sales/event_date=2010-12-01/sales.parquet")
SECRET = "0123456789abcdef0123456789abcdef"


class Secrets:
    """Secrets Manager with one secret; `text` None when it has no value."""

    def __init__(self) -> None:
        self.text: str | None = SECRET
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "arn"
        self.reads += 1
        if self.text is None:
            raise refused("ResourceNotFoundException")
        return {"SecretString": self.text}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as in a new Lambda environment, with the fakes in place of AWS."""
    names = {"RAW_BUCKET": "raw", "PROCESSED_BUCKET": "processed", "PSEUDONYM_SECRET_ARN": "arn", **QUEUE}
    for name, value in (names | {"AWS_DEFAULT_REGION": "eu-west-1"}).items():
        monkeypatch.setenv(name, value)
    module = importlib.import_module("curate_sales")
    module._secret.cache_clear()
    module._read.cache_clear()
    monkeypatch.setattr(module, "s3", FakeS3())
    monkeypatch.setattr(module, "secrets", Secrets())
    return module


def put(function: Any, name: str, *changes: dict[str, Any], day: str = DAY) -> dict[str, Any]:
    """Store a raw object of one event for each of `changes`; its message."""
    lines = "".join(json.dumps(EVENT | change) + "\n" for change in changes)
    function.s3.store("raw", f"{day}/{name}.jsonl.gz", gzip.compress(lines.encode(), mtime=0))
    return object_created("raw", f"{day}/{name}.jsonl.gz")


def rows(function: Any, target: tuple[str, str] = TARGET) -> list[tuple[str, int]]:
    table = pq.ParquetFile(io.BytesIO(function.s3.objects[target][0])).read()
    return [(row["event_id"], row["quantity"]) for row in table.to_pylist()]


def test_a_date_is_built_from_all_its_objects_once_a_batch(function: Any) -> None:
    messages = [put(function, name, {"event_id": name}) for name in "edcba"]
    assert failed(function.handler(batch(messages), Context())) == []
    assert rows(function) == [(name, 6) for name in "abcde"]
    assert function.s3.objects[TARGET][1]["events"] == "5"
    assert function.s3.calls.count("put") == 1
    assert function.secrets.reads == 1


def test_the_event_of_the_first_key_counts_whichever_arrived_first(function: Any) -> None:
    late = put(function, "b", {"quantity": 2}, {"quantity": 3})
    function.handler(batch([late]), Context())
    assert rows(function) == [("536365-1", 2)]
    function.handler(batch([put(function, "a", {"quantity": 1})]), Context())
    assert rows(function) == [("536365-1", 1)]


def test_what_is_no_raw_object_of_the_date_is_not_read(function: Any) -> None:
    function.s3.store("raw", f"{DAY}/", b"")
    function.s3.store("raw", f"{DAY}/notes.txt", b"no gzip")
    function.handler(batch([put(function, "a", {})]), Context())
    assert rows(function) == [("536365-1", 6)]


def test_redelivery_reads_no_object_and_writes_nothing(function: Any) -> None:
    message = put(function, "a", {})
    function.handler(batch([message]), Context())
    function.s3.calls.clear()
    assert failed(function.handler(batch([message, message]), Context())) == []
    assert function.s3.calls == ["head", "list"]


def test_only_what_is_new_or_another_one_is_read_again(function: Any) -> None:
    first = [put(function, name, {"event_id": name}) for name in "ab"]
    function.handler(batch(first), Context())
    function.s3.calls.clear()
    function.handler(batch([put(function, "c", {"event_id": "c"})]), Context())
    assert function.s3.calls.count("get") == 1
    assert rows(function) == [("a", 6), ("b", 6), ("c", 6)]
    function.handler(batch([put(function, "a", {"event_id": "a", "quantity": 9})]), Context())
    assert function.s3.calls.count("get") == 2
    assert rows(function) == [("a", 9), ("b", 6), ("c", 6)]


def test_an_object_that_was_replaced_while_reading_is_no_failure(
    function: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, listed = put(function, "a", {"event_id": "a"}), function._list
    replacements = iter([{"event_id": "b"}])

    def list_then_replace(date: str) -> Any:
        found = listed(date)
        for other in replacements:
            put(function, "a", other)
        return found

    monkeypatch.setattr(function, "_list", list_then_replace)
    assert failed(function.handler(batch([message]), Context())) == []
    assert rows(function) == [("b", 6)]


def test_another_secret_gives_other_pseudonyms(function: Any) -> None:
    message = put(function, "a", {})
    function.handler(batch([message]), Context())
    before = function.s3.objects[TARGET]
    function._secret.cache_clear()
    function.secrets.text = SECRET + "x"
    function.handler(batch([message]), Context())
    assert function.s3.objects[TARGET] != before


def test_one_that_was_overtaken_reads_again(function: Any) -> None:
    message = put(function, "a", {"event_id": "a"})

    def overtake() -> None:
        function.s3.before_put = lambda: None
        other = put(function, "b", {"event_id": "b"})
        assert failed(function.handler(batch([other]), Context())) == []
        put(function, "c", {"event_id": "c"})

    function.s3.before_put = overtake
    assert failed(function.handler(batch([message]), Context())) == []
    assert rows(function) == [("a", 6), ("b", 6), ("c", 6)]


def test_an_object_that_went_while_reading_is_no_failure(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    message = put(function, "a", {"event_id": "a"})
    put(function, "b", {"event_id": "b"})
    listed = function._list
    gone = iter([f"{DAY}/b.jsonl.gz"])

    def list_then_delete(date: str) -> Any:
        found = listed(date)
        for key in gone:
            del function.s3.objects["raw", key]
        return found

    monkeypatch.setattr(function, "_list", list_then_delete)
    assert failed(function.handler(batch([message]), Context())) == []
    assert rows(function) == [("a", 6)]


def test_a_damaged_object_fails_its_date_only_and_leaves_what_is_there(function: Any) -> None:
    function.handler(batch([put(function, "a", {})]), Context())
    before = function.s3.objects[TARGET]
    function.s3.store("raw", f"{DAY}/b.jsonl.gz", gzip.compress(b"{}\n"))
    function.s3.store("raw", f"{DAY}/c.jsonl.gz", b"no gzip")
    next_day = "sales_events/event_date=2010-12-02"
    messages = [
        object_created("raw", f"{DAY}/b.jsonl.gz"),
        put(function, "d", {"event_time": "2010-12-02T00:00:00Z"}, day=next_day),
        object_created("raw", f"{DAY}/c.jsonl.gz"),
        object_created("raw", f"{DAY}/no-such-form"),
    ]
    assert sorted(failed(function.handler(batch(messages), Context()))) == ["m0", "m2", "m3"]
    assert function.s3.objects[TARGET] == before
    assert rows(function, ("processed", "sales/event_date=2010-12-02/sales.parquet")) == [("536365-1", 6)]


def test_a_truncated_object_is_not_taken_for_a_whole_one(function: Any) -> None:
    message = put(function, "a", *({"event_id": str(number)} for number in range(100)))
    body, _ = function.s3.objects["raw", f"{DAY}/a.jsonl.gz"]
    function.s3.store("raw", f"{DAY}/a.jsonl.gz", body[:-20])
    assert failed(function.handler(batch([message]), Context())) == ["m0"]
    assert TARGET not in function.s3.objects


def test_a_date_without_objects_fails_and_writes_nothing(function: Any) -> None:
    answer = function.handler(batch([object_created("raw", f"{DAY}/gone.jsonl.gz")]), Context())
    assert failed(answer) == ["m0"]
    assert TARGET not in function.s3.objects


@pytest.mark.parametrize("text", [None, "", "x" * 31])
def test_without_a_secret_the_call_fails_and_the_next_one_asks_again(function: Any, text: str | None) -> None:
    message = put(function, "a", {})
    function.secrets.text = text
    with pytest.raises((function.SecretError, ClientError)):
        function.handler(batch([message]), Context())
    assert TARGET not in function.s3.objects
    function.secrets.text = SECRET
    assert failed(function.handler(batch([message]), Context())) == []
    function.handler(batch([message]), Context())
    assert function.secrets.reads == 2


def test_logs_count_and_name_no_customer(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = io.StringIO()
    monkeypatch.setattr(function.logger.registered_handler, "stream", logged)
    messages = [put(function, "a", {}, {"event_id": "b"}), put(function, "c", {"quantity": 9})]
    function.handler(batch(messages), Context())
    function.s3.store("raw", f"{DAY}/d.jsonl.gz", gzip.compress(json.dumps(EVENT | {"line": "x"}).encode()))
    function.handler(batch(messages), Context())
    out = logged.getvalue()
    done, wrong = (json.loads(line) for line in out.splitlines())
    assert {name: done[name] for name in ("date", "messages", "objects", "events", "duplicates", "attempts")} == {
        "date": "2010-12-01",
        "messages": 2,
        "objects": 2,
        "events": 2,
        "duplicates": 1,
        "attempts": 1,
    }
    assert wrong["level"] == "ERROR"
    assert EVENT["customer_id"] not in out
