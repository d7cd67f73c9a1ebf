"""A data platform in memory that answers the calls of the loaders as AWS does, and fails where it is told to."""

import io
import json
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError

from seed.target import SeedTarget


def client_error(code: str, status: int = 400, **more: Any) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}} | more,  # type: ignore[arg-type]
        "Call",
    )


class FakePlatform:
    """The four services. `faults[call]` is a list of what the next calls do instead: raise, or be called with the
    request and the normal answer's function."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Any]] = {"products": {}, "customers": {}, "stores": {}, "inventory": {}}
        self.messages: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.objects: dict[str, bytes] = {}
        self.log: list[str] = []
        self.batches: dict[str, list[int]] = {"transact": [], "send": [], "put": []}
        self.faults: dict[str, list[Any]] = {}
        self.retention_hours = 24
        self.lock = Lock()

    def target(self) -> SeedTarget:
        target = SeedTarget("products", "customers", "stores", "inventory", "http://q/orders", "sales", "raw")
        for name in ("dynamodb", "sqs", "kinesis", "s3"):
            target.__dict__[name] = self
        return target

    def _answer(self, call: str, request: Any, normal: Callable[[Any], Any]) -> Any:
        with self.lock:
            self.log.append(call)
            fault = self.faults[call].pop(0) if self.faults.get(call) else None
            if isinstance(fault, BaseException):
                raise fault
            return fault(request, normal) if fault else normal(request)

    # DynamoDB

    def transact_write_items(self, TransactItems: Sequence[Any]) -> Any:  # noqa: N803
        return self._answer("transact", TransactItems, self._transact)

    def _transact(self, items: Sequence[Any]) -> Any:
        self.batches["transact"].append(len(items))
        writes = [(kind, write) for item in items for kind, write in item.items()]
        codes = ["ConditionalCheckFailed" if self._is_refused(*each) else "None" for each in writes]
        if "ConditionalCheckFailed" in codes:
            raise client_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])
        for kind, write in writes:
            table = self.tables[write["TableName"]]
            if kind == "Put":
                table[next(iter(write["Item"].values()))["S"]] = write["Item"]
            else:
                row, values = table[write["Key"]["product_id"]["S"]], write["ExpressionAttributeValues"]
                row["on_hand"] = {"N": str(int(row["on_hand"]["N"]) + int(values[":on_hand"]["N"]))}
                row["datasets"] = {"SS": [*row.get("datasets", {"SS": []})["SS"], *values[":datasets"]["SS"]]}
        return {}

    def _is_refused(self, kind: str, write: Any) -> bool:
        """By the two conditions that there are."""
        table = self.tables[write["TableName"]]
        match kind, write.get("ConditionExpression"):
            case "Put", "attribute_not_exists(product_id)":
                return write["Item"]["product_id"]["S"] in table
            case "Update", "NOT contains(datasets, :dataset)":
                source = write["ExpressionAttributeValues"][":dataset"]["S"]
                return source in table[write["Key"]["product_id"]["S"]].get("datasets", {"SS": []})["SS"]
        return False

    # SQS

    def send_message_batch(self, QueueUrl: str, Entries: Sequence[Any]) -> Any:  # noqa: N803
        assert QueueUrl == "http://q/orders"
        return self._answer("send", Entries, self._send)

    def _send(self, entries: Sequence[Any]) -> Any:
        self.batches["send"].append(len(entries))
        self.messages += [entry["MessageBody"] for entry in entries]
        return {"Successful": []}

    # Kinesis, one shard

    def put_records(self, StreamName: str, Records: Sequence[Any]) -> Any:  # noqa: N803
        assert StreamName == "sales"
        return self._answer("put", Records, self._put)

    def _put(self, records: Sequence[Any]) -> Any:
        self.batches["put"].append(len(records))
        self.records += records
        return {"Records": [{"SequenceNumber": "1"} for _ in records]}

    def describe_stream_summary(self, StreamName: str) -> Any:  # noqa: N803
        return {"StreamDescriptionSummary": {"RetentionPeriodHours": self.retention_hours}}

    def list_shards(self, **_: Any) -> Any:
        return {"Shards": [{"ShardId": "shard-0"}]}

    def get_shard_iterator(self, **_: Any) -> Any:
        return {"ShardIterator": "0"}

    def get_records(self, ShardIterator: str) -> Any:  # noqa: N803
        return self._answer("get", ShardIterator, self._get)

    def _get(self, iterator: str) -> Any:
        # Every other answer is empty though there is more, as on AWS.
        at, empty = int(iterator.rstrip("e")), iterator.endswith("e")
        records = [] if not empty else self.records[at : at + 7]
        left = len(self.records) - at - len(records)
        return {
            "Records": records,
            "NextShardIterator": str(at + len(records)) if empty else f"{at}e",
            "MillisBehindLatest": 1000 if left else 0,
        }

    # S3

    def put_object(self, Bucket: str, Key: str, Body: bytes, ContentType: str) -> Any:  # noqa: N803
        def put(_: Any) -> None:
            self.objects[Key] = Body

        return self._answer(f"put {Key.rpartition('/')[2]}", None, put)

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        if Key not in self.objects:
            raise client_error("NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[Key])}

    def list_objects_v2(self, Bucket: str, Prefix: str) -> Any:  # noqa: N803
        found = [{"Key": key, "Size": len(self.objects[key])} for key in self.objects if key.startswith(Prefix)]
        return {"Contents": found} if found else {}

    def upload_file(self, file: str, bucket: str, key: str, Callback: Callable[[int], None]) -> None:  # noqa: N803
        def upload(_: Any) -> None:
            with open(file, "rb") as content:  # noqa: PTH123
                self.objects[key] = content.read()
            Callback(len(self.objects[key]))

        self._answer("upload", file, upload)

    # What a test asks

    def event_ids(self) -> list[str]:
        return [json.loads(record["Data"])["event_id"] for record in self.records]

    def order_ids(self) -> list[str]:
        return [json.loads(message)["order_id"] for message in self.messages]
