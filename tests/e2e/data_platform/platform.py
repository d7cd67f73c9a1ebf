"""The deployed platform, reached through AWS APIs only, whatever answers them."""

from __future__ import annotations

import gzip
import json
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

Event = dict[str, Any]
Item = dict[str, Any]
Place = tuple[str, int]
"""Of a record in a stream: shard and sequence number."""


@dataclass(frozen=True)
class StoredObject:
    """One version of an S3 object. Of encrypted objects the ETag says nothing about the body."""

    body: bytes
    etag: str
    version: str
    metadata: dict[str, str]

    def table(self) -> Any:
        """The pyarrow.Table in its body, which is Parquet."""
        import pyarrow.parquet

        return pyarrow.parquet.read_table(pyarrow.BufferReader(self.body))


@dataclass
class Platform:
    """The deployed platform: what goes in at its entrances and what comes out at its exits."""

    outputs: dict[str, Any]
    session: boto3.Session = field(default_factory=boto3.Session)
    started: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(seconds=5))
    _objects: dict[str, list[Event]] = field(default_factory=dict)
    _tables: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.session.client(service, config=Config(retries={"mode": "standard", "max_attempts": 8}))  # type: ignore[call-overload]

    @cached_property
    def kinesis(self) -> Any:
        return self.client("kinesis")

    @cached_property
    def sqs(self) -> Any:
        return self.client("sqs")

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def functions(self) -> Any:
        return self.client("lambda")

    @cached_property
    def logs(self) -> Any:
        return self.client("logs")

    @cached_property
    def secrets(self) -> Any:
        return self.client("secretsmanager")

    @cached_property
    def cloudwatch(self) -> Any:
        return self.client("cloudwatch")

    @cached_property
    def sns(self) -> Any:
        return self.client("sns")

    @cached_property
    def events(self) -> Any:
        return self.client("events")

    @cached_property
    def iam(self) -> Any:
        return self.client("iam")

    @cached_property
    def _dynamodb(self) -> Any:
        return self.session.resource("dynamodb")

    def table(self, name: str) -> Any:
        if name not in self._tables:
            self._tables[name] = self._dynamodb.Table(self.outputs["table_names"][name])
        return self._tables[name]

    def item(self, table: str, **key: Any) -> Item | None:
        """The item with this key, as it is now; None when there is none."""
        found: Item | None = self.table(table).get_item(Key=key, ConsistentRead=True).get("Item")
        return found

    # Sales events: the stream, and the raw bucket

    def put_events(self, events: Iterable[Event | bytes], partition_key: str) -> list[Place]:
        """Put all events on the stream; those with one partition key stay on one shard, in their order."""
        places: list[Place] = []
        records = [{"Data": as_bytes(event), "PartitionKey": partition_key} for event in events]
        while records:
            answer = self.kinesis.put_records(
                StreamName=self.outputs["stream_names"]["sales_events"], Records=records[:500]
            )
            results = answer["Records"]
            places += [(each["ShardId"], int(each["SequenceNumber"])) for each in results if "ErrorCode" not in each]
            failed = [record for record, result in zip(records, results, strict=False) if "ErrorCode" in result]
            records = failed + records[500:]
        return places

    def objects(self, prefix: str) -> dict[str, list[Event]]:
        """Key → lines of every raw object under a prefix. Objects never change, so each is read once."""
        bucket = self.outputs["bucket_names"]["raw"]
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        for key in keys:
            if key not in self._objects:
                body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                self._objects[key] = [json.loads(line) for line in gzip.decompress(body).decode().split("\n")[:-1]]
        return {key: self._objects[key] for key in keys}

    def stored_events(self, day: date, of: str) -> list[Event]:
        """Events in the partition of `day` whose order id is `of`, as often as they are stored."""
        lines = self.objects(f"sales_events/event_date={day}/").values()
        return [event for each in lines for event in each if event["order_id"] == of]

    def rejected_events(self, of: str) -> list[Event]:
        """Rejected events that arrived since the suite started and carry `of` in their data or reason."""
        days = {self.started.date(), datetime.now(UTC).date()}
        return [
            line
            for day in sorted(days)
            for lines in self.objects(f"rejected/sales_events/arrival_date={day}/").values()
            for line in lines
            if of in line["data"]
        ]

    # What becomes of sales events: Parquet in the processed and the curated bucket

    def stored(self, zone: str, key: str) -> StoredObject | None:
        """The object as it is now; None when there is none."""
        try:
            answer = self.s3.get_object(Bucket=self.outputs["bucket_names"][zone], Key=key)
        except self.s3.exceptions.NoSuchKey:
            return None
        return StoredObject(answer["Body"].read(), answer["ETag"], answer["VersionId"], answer["Metadata"])

    def versions(self, zone: str, key: str) -> list[tuple[str, datetime]]:
        """Id and time of every version of one object, the newest first."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.outputs["bucket_names"][zone], Prefix=key
        )
        found = (version for page in pages for version in page.get("Versions", []))
        return [(version["VersionId"], version["LastModified"]) for version in found if version["Key"] == key]

    def parquet(self, zone: str, key: str) -> list[Event] | None:
        """The rows of a Parquet object in the bucket of a zone, as its writer ordered them; None when there is none."""
        found = self.stored(zone, key)
        if found is None:
            return None
        rows: list[Event] = found.table().to_pylist()
        return rows

    def processed_sales(self, day: date) -> list[Event] | None:
        """The sales of a day, one row an event; None while there is no such partition."""
        return self.parquet("processed", processed_key(day))

    def daily_sales(self, day: date) -> list[Event] | None:
        """The totals of a day, one row for each store, product, country and currency; None while there are none."""
        return self.parquet("curated", daily_key(day))

    def put_raw(self, day: date, name: str, content: Iterable[Event] | bytes) -> str:
        """Put events (or these very bytes) into the raw bucket under a day, past stream and function; the key."""
        key = f"sales_events/event_date={day}/{name}.jsonl.gz"
        if not isinstance(content, bytes):
            content = gzip.compress(b"".join(as_bytes(event) + b"\n" for event in content))
        self.s3.put_object(Bucket=self.outputs["bucket_names"]["raw"], Key=key, Body=content)
        return key

    def notice(self, zone: str, key: str) -> Event:
        """What EventBridge puts on the queue of a zone when an object was created there."""
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "detail": {
                "version": "0",
                "bucket": {"name": self.outputs["bucket_names"][zone]},
                "object": {"key": key},
                "reason": "PutObject",
            },
        }

    # Queues

    def send(self, queue: str, messages: Iterable[Event | str]) -> list[str]:
        """Send all messages, up to ten in one request so that they can come as one batch; their message ids."""
        bodies = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in messages]
        ids: list[str] = []
        while bodies:
            now, size = 1, len(bodies[0].encode())
            while now < min(len(bodies), 10) and (size := size + len(bodies[now].encode())) < 200_000:
                now += 1  # one request carries ten messages, 256 KiB in all
            answer = self.sqs.send_message_batch(
                QueueUrl=self.outputs["queue_urls"][queue],
                Entries=[{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[:now])],
            )
            assert not answer.get("Failed"), answer["Failed"]
            ids += [each["MessageId"] for each in sorted(answer["Successful"], key=lambda each: int(each["Id"]))]
            bodies = bodies[now:]
        return ids

    def take_restock_requests(self, of: str) -> list[Event]:
        """Take the requests to restock that carry `of`; all others are back on their queue at once.

        One that other tests have received too often is in the dead-letter queue.
        """
        bodies = self._read(self.outputs["queue_urls"]["restock_requests"], of, take=True)
        return [json.loads(body) for body in [*bodies, *self.take_dead_letters(of, "restock_requests")]]

    def take_dead_letters(self, of: str, queue: str = "orders") -> list[str]:
        """Take the dead letters that carry `of` off their queue; all others are back on it at once.

        `queue` is the short name of the queue or stream whose failures they are.
        """
        return self._read(self.outputs["dead_letter_queue_urls"][queue], of, take=True)

    def look_at_dead_letters(self, of: str, queue: str = "orders") -> list[str]:
        """The dead letters that carry `of`, of those that nobody holds; all are back on their queue at once."""
        return self._read(self.outputs["dead_letter_queue_urls"][queue], of, take=False)

    def _read(self, url: str, of: str, take: bool) -> list[str]:
        found: list[str] = []
        left: dict[str, str] = {}  # message id → receipt handle
        while new := [message for message in self._receive(url) if message["MessageId"] not in left]:
            for message in new:
                handle, wanted = message["ReceiptHandle"], of in message["Body"]
                if wanted and take:
                    found += [message["Body"]] if self._delete(url, handle) else []
                else:
                    found += [message["Body"]] if wanted else []
                    left[message["MessageId"]] = handle
        handles = list(left.values())
        for start in range(0, len(handles), 10):
            # What came back by itself meanwhile may be somebody else's by now; then its entry fails, as it should.
            self.sqs.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                    for number, handle in enumerate(handles[start : start + 10])
                ],
            )
        return found

    def _delete(self, url: str, receipt_handle: str) -> bool:
        """Whether the message was still ours: a FIFO queue deletes none that is visible again."""
        try:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=receipt_handle)
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidParameterValue":
                raise
            return False
        return True

    def _receive(self, url: str) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=3, WaitTimeSeconds=0)
        return list(answer.get("Messages", []))

    def dead_letter_seconds(self, queue: str) -> float:
        """How long a message that always fails takes to the dead-letter queue, and some time to spare."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs["queue_urls"][queue], AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
        )["Attributes"]
        receives = int(json.loads(attributes["RedrivePolicy"])["maxReceiveCount"])
        return float(attributes["VisibilityTimeout"]) * receives + 60

    # Orders and stock

    def send_orders(self, orders: Iterable[Event | str]) -> list[str]:
        """Send orders as `send` does; their message ids."""
        return self.send("orders", orders)

    def order(self, order_id: str) -> Event | None:
        return self.item("orders", order_id=order_id)

    def status(self, order_id: str) -> str | None:
        order = self.order(order_id)
        return order["status"] if order else None

    def set_stock(self, stock: dict[str, int], reorder_point: int = 0) -> None:
        with self.table("inventory").batch_writer() as batch:
            for product_id, on_hand in stock.items():
                batch.put_item(Item={"product_id": product_id, "on_hand": on_hand, "reorder_point": reorder_point})

    def stock(self, product_ids: Iterable[str]) -> dict[str, int]:
        table = self.outputs["table_names"]["inventory"]
        wanted = list(product_ids)
        found: dict[str, int] = {}
        for start in range(0, len(wanted), 100):
            keys = [{"product_id": product_id} for product_id in wanted[start : start + 100]]
            request = {table: {"Keys": keys, "ConsistentRead": True}}
            while request:
                answer = self._dynamodb.batch_get_item(RequestItems=request)
                found |= {item["product_id"]: int(item["on_hand"]) for item in answer["Responses"][table]}
                request = answer.get("UnprocessedKeys", {})
        return found

    # Functions

    def invoke(self, function: str, records: list[Event]) -> Event:
        """Call a function as its event source does; fails when the function does."""
        answer = self.functions.invoke(
            FunctionName=self.outputs["function_names"][function],
            Qualifier="live",
            Payload=json.dumps({"Records": records}).encode(),
        )
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return dict(payload)

    def deliver(self, function: str, records: list[Event]) -> list[Event]:
        """Deliver a batch of a queue, and again what failed, no more than five times; what still fails."""
        for _ in range(5):
            answer = self.invoke(function, records)
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            records = [record for record in records if record["messageId"] in failed]
            if not records:
                break
        return records

    def deliver_side_by_side(self, function: str, batches: list[list[Event]]) -> None:
        """Deliver batches of a queue all at once, by more workers than an emulator's event source may start."""
        _ = self.functions  # made once, before the threads want it
        with ThreadPoolExecutor(len(batches)) as workers:
            assert not any(workers.map(lambda records: self.deliver(function, records), batches))

    def is_allowed(self, function: str, action: str, resource: str) -> bool:
        """Whether the function's role may do `action` (such as "s3:GetObject") to the resource with this ARN."""
        role = self.functions.get_function_configuration(FunctionName=self.outputs["function_names"][function])["Role"]
        answer = self.iam.simulate_principal_policy(
            PolicySourceArn=role, ActionNames=[action], ResourceArns=[resource]
        )["EvaluationResults"]
        return all(result["EvalDecision"] == "allowed" for result in answer)

    def secret(self, name: str) -> str | None:
        """The value of a secret by its short name; None while nobody has given it one."""
        try:
            answer = self.secrets.get_secret_value(SecretId=self.outputs["secret_arns"][name])
        except self.secrets.exceptions.ResourceNotFoundException:
            return None
        return str(answer["SecretString"])

    def log_records(self, function: str, of: str) -> list[Event]:
        """What the function logged as JSON since the suite started, as far as it carries `of`."""
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self.outputs['function_names'][function]}",
            startTime=int(self.started.timestamp() * 1000),
        )
        messages = (event["message"] for page in pages for event in page["events"])
        return [json.loads(message) for message in messages if of in message and message.startswith("{")]


def as_bytes(event: Event | bytes) -> bytes:
    return event if isinstance(event, bytes) else json.dumps(event, ensure_ascii=False).encode()


def as_queue_records(bodies: Iterable[Event | str]) -> list[Event]:
    """What Lambda hands to a function: the messages of one batch of a queue."""
    return [
        {
            "messageId": str(uuid.uuid4()),
            "receiptHandle": "x",
            "body": body if isinstance(body, str) else json.dumps(body, ensure_ascii=False),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }
        for body in bodies
    ]


def processed_key(day: date) -> str:
    return f"sales/event_date={day}/sales.parquet"


def daily_key(day: date) -> str:
    return f"daily_sales/sale_date={day}/daily_sales.parquet"
