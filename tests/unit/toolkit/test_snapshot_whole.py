import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stockroom.deployed.completeness import count_seeded, find_missing
from stockroom.environments import LOCAL, read_environment

ENVIRONMENT = read_environment(LOCAL)
STACK = "data_platform"
OUTPUTS = {
    "bucket_names": {"raw": "b-raw"},
    "table_names": {"orders": "t-orders", "products": "t-products"},
    "stream_names": {"sales_events": "s-events"},
    "queue_urls": {"orders": "http://x/0/orders"},
    "dead_letter_queue_urls": {"orders": "http://x/0/orders-dlq"},
    "function_names": {"restock": "f-restock"},
    "key_arn": "arn",
}
READS = {
    "head_bucket": "bucket b-raw",
    "describe_table": "table t-orders",
    "get_queue_attributes": "queue http://x/0/orders-dlq",
    "describe_stream_summary": "stream s-events",
    "get_function_configuration": "function f-restock",
}


class Counting:
    """A seeder that counts what the platform says."""

    def count(self, outputs: Any, session: Any) -> dict[str, int]:
        return {"products": session.items["t-products"]}


SEEDERS: Any = {STACK: Counting()}


class Platform:
    """Session and every client in one. Reads of what is in `gone` answer with the status."""

    def __init__(self) -> None:
        self.gone: dict[str, int] = {}
        self.asked: list[str] = []
        self.release: str | None = "release"
        self.state: dict[str, Any] | None = {
            "resources": [{"mode": "managed", "type": "a", "name": "b", "instances": [{"attributes": {"id": "1"}}]}],
            "version": 4,
            "outputs": {name: {"value": value} for name, value in OUTPUTS.items()},
        }
        self.items = {"t-products": 60}

    def client(self, _: str) -> Any:
        return self

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        record = {"digest": self.release, "commit": None, "dirty": False, "deployed_at": "today"}
        content = self.state if Key.endswith("tfstate") else self.release and record
        if Bucket != ENVIRONMENT.state_bucket or not content:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        from io import BytesIO

        return {"Body": BytesIO(json.dumps(content).encode()), "ETag": "e"}

    def __getattr__(self, read: str) -> Callable[..., object]:
        def answer(**words: str) -> None:
            what = f"{READS[read].split()[0]} {next(iter(words.values()))}"
            self.asked.append(what)
            if status := self.gone.get(what):
                answered: Any = {"Error": {"Code": str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
                raise ClientError(answered, read)

        return answer

    def missing(self, stacks: list[str] | None = None, **tables: int) -> list[str]:
        counts = {STACK: tables}
        return find_missing(ENVIRONMENT, self, stacks or [STACK], "release", counts, SEEDERS)  # type: ignore[arg-type]


@pytest.fixture
def platform() -> Platform:
    return Platform()


def test_a_whole_platform_lacks_nothing(platform: Platform) -> None:
    assert platform.missing(products=60) == []
    assert {"queue http://x/0/orders", "table t-products", *READS.values()} == set(platform.asked)


@pytest.mark.parametrize("what", READS.values())
def test_one_thing_that_is_gone(platform: Platform, what: str) -> None:
    platform.gone[what] = 404
    assert platform.missing() == [what]


def test_an_emulator_that_is_ill_is_no_answer(platform: Platform) -> None:
    platform.gone["table t-orders"] = 500
    with pytest.raises(ClientError):
        platform.missing()


def test_items_that_are_gone(platform: Platform) -> None:
    assert platform.missing(products=61) == ["records of products"]
    assert platform.missing(products=59) == [], "a user may have added some"


@pytest.mark.parametrize("release", [None, "another"])
def test_another_release(platform: Platform, release: str | None) -> None:
    platform.release = release
    assert platform.missing() == [f"release release of '{STACK}'"]


@pytest.mark.parametrize("state", [None, {"version": 4, "resources": [], "outputs": {}}])
def test_a_stack_without_a_state(platform: Platform, state: dict[str, Any] | None) -> None:
    platform.state = state
    assert platform.missing(["one", "two"]) == ["the stack 'one'", "the stack 'two'"]


def test_what_is_counted_is_keyed_by_stack(platform: Platform) -> None:
    counted = count_seeded(platform, {STACK: OUTPUTS, "without": {}}, SEEDERS)  # type: ignore[arg-type]
    assert counted == {STACK: {"products": 60}}
