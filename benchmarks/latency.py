"""How long a single record takes on a platform that has nothing else to do: event to object, order to row."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from time import perf_counter, sleep
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.figures import Figure, Findings, percentile
from benchmarks.platform import Bench, Deployed
from seed.records import to_json
from stockroom.errors import StockroomError

_PATIENCE_SECONDS = 60
_LOOK_PAUSE_SECONDS = 0.005
_DAY = "2001-02-03"
_TIME = f"{_DAY}T04:05:06Z"
_PRODUCT = "bench"


def measure(bench: Bench) -> Findings:
    deployed = bench.here.fresh_and_quiet()
    records = bench.rounds(100, 500)
    flows = {
        "event to object": _event_flow(deployed),
        "order to row": _order_flow(deployed),
    }
    figures: list[Figure] = []
    samples: dict[str, Any] = {}
    for name, send in flows.items():
        for _ in range(3):
            send()  # the function's first start is no latency
        taken = []
        for _ in range(records):
            sleep(random.uniform(0.05, 0.3))  # noqa: S311 - in no step with whatever polls
            taken.append(send())
        figures += describe(name, [sent for sent, _ in taken], [stored for _, stored in taken])
        samples[name] = {"put": [sent for sent, _ in taken], "stored": [stored for _, stored in taken]}
        deployed.wait_until_quiet()
    notes = [
        f"{records} records of each, one after the other; looked for every {_LOOK_PAUSE_SECONDS * 1000:.0f} ms.",
        "From a put on Kinesis until the object is in S3, and from a message on SQS until the row is in DynamoDB.",
        "An event waits up to a second for others (the batching window of capture_sales), an order does not.",
    ]
    return Findings(figures, notes, samples)


def describe(name: str, put: list[float], stored: list[float]) -> list[Figure]:
    """p50 beside a bare request, p99 beside p50, from seconds until a put returned and until its record was stored."""
    request = Figure(f"{name}: the request alone, p50", percentile(put, 50) * 1000, "ms")
    half = Figure(f"{name}, p50", percentile(stored, 50) * 1000, "ms")
    most = Figure(f"{name}, p99", percentile(stored, 99) * 1000, "ms")
    return [request, half.of(request), most.of(half)]


Send = Callable[[], tuple[float, float]]
"""Sends a record and waits for it; seconds until the request returned, and until the record was stored."""


def _event_flow(deployed: Deployed) -> Send:
    kinesis, s3 = deployed.client("kinesis"), deployed.client("s3")
    stream, bucket = deployed.outputs["stream_names"]["sales_events"], deployed.outputs["bucket_names"]["raw"]

    def send() -> tuple[float, float]:
        event_id = f"bench-{uuid.uuid4()}"
        started = perf_counter()
        put = kinesis.put_record(
            StreamName=stream, PartitionKey=event_id, Data=to_json(event_record(event_id)).encode()
        )
        sent = perf_counter() - started
        number = put["SequenceNumber"]
        # An object is named by the first and the last record in it, and here that is one.
        key = f"sales_events/event_date={_DAY}/{put['ShardId']}-{number}-{number}.jsonl.gz"
        return sent, _seconds_until(started, lambda: _is_there(s3, bucket, key), key)

    return send


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return False
    return True


def _order_flow(deployed: Deployed) -> Send:
    sqs, dynamodb = deployed.client("sqs"), deployed.client("dynamodb")
    url, tables = deployed.outputs["queue_urls"]["orders"], deployed.outputs["table_names"]
    stock = {"product_id": {"S": _PRODUCT}, "on_hand": {"N": "1000000"}, "reorder_point": {"N": "0"}}
    dynamodb.put_item(TableName=tables["inventory"], Item=stock)

    def send() -> tuple[float, float]:
        order_id = f"bench-{uuid.uuid4()}"
        started = perf_counter()
        sqs.send_message(QueueUrl=url, MessageBody=to_json(order_record(order_id)))
        sent = perf_counter() - started

        def is_there() -> bool:
            key = {"order_id": {"S": order_id}}
            return "Item" in dynamodb.get_item(TableName=tables["orders"], Key=key, ConsistentRead=True)

        return sent, _seconds_until(started, is_there, order_id)

    return send


def _seconds_until(started: float, is_there: Callable[[], bool], what: str) -> float:
    while not is_there():
        if perf_counter() - started > _PATIENCE_SECONDS:
            raise StockroomError(f"{what} was not stored within {_PATIENCE_SECONDS} s")
        sleep(_LOOK_PAUSE_SECONDS)
    return perf_counter() - started


def event_record(event_id: str) -> dict[str, Any]:
    """A sales event as capture_sales takes it."""
    return {
        "event_id": event_id,
        "event_time": _TIME,
        "order_id": event_id,
        "line": 1,
        "product_id": _PRODUCT,
        "description": "Benchmark",
        "quantity": 1,
        "unit_price": "1.00",
        "currency": "GBP",
        "customer_id": None,
        "store_id": "online",
        "country": "Ireland",
    }


def order_record(order_id: str) -> dict[str, Any]:
    """An order as process_orders takes it."""
    return {
        "order_id": order_id,
        "order_time": _TIME,
        "customer_id": None,
        "store_id": "online",
        "country": "Ireland",
        "currency": "GBP",
        "lines": [{"line": 1, "product_id": _PRODUCT, "quantity": 1, "unit_price": "1.00"}],
    }
