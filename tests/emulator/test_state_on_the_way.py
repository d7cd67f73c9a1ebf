"""What is on its way through queues, streams and functions when the state is saved comes out of the saved state.

STOCKROOM_STATE_ROUNDS (3) is how often it is saved in the middle of everything. Messages that are received stay hidden
for hours here: what the emulator forgets to put back is not there in time, however slow the machine.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from .functions import Functions, make_table
from .recipe import Emulator, start_emulator, wait_for
from .state.account import Account, arn
from .test_state import ask, done

pytestmark = pytest.mark.waits
ROUNDS = int(os.environ.get("STOCKROOM_STATE_ROUNDS", "3"))
FRESH_EVERY = 5  # how often it is another emulator that begins with the saved state
HOURS = "43200"
STUCK_SECONDS = 900
CALM_SECONDS = 3  # after so many without a call everything is taken to be through
TABLES = ("put", "captured", "projected")
QUEUES = ("orders", "orders.fifo", "objects")
MANY = 9_000

# Takes longer than the emulator waits for it when the state is saved, now and then.
PUT = """
    import time
    import boto3
    put = boto3.client("dynamodb").put_item
    def handler(event, context):
        for record in event["Records"]:
            if record["body"].startswith("slow"):
                time.sleep(7)
            put(TableName="put", Item={"id": {"S": record["body"]}})
"""
# The name of an object tells its batch, so that the same batch once more is no second object.
CAPTURE = """
    import base64, json, time
    import boto3
    s3 = boto3.client("s3")
    def handler(event, context):
        records = [record["kinesis"] for record in event["Records"]]
        names = [base64.b64decode(record["data"]).decode() for record in records]
        key = records[0]["sequenceNumber"] + "-" + records[-1]["sequenceNumber"]
        s3.put_object(Bucket="captured", Key=key, Body=json.dumps(names))
        if any(name.startswith("slow") for name in names):
            time.sleep(7)
"""
CURATE = """
    import json
    import boto3
    s3, put = boto3.client("s3"), boto3.client("dynamodb").put_item
    def handler(event, context):
        for record in event["Records"]:
            key = json.loads(record["body"])["detail"]["object"]["key"]
            names = json.load(s3.get_object(Bucket="captured", Key=key)["Body"])
            put(TableName="captured", Item={"id": {"S": key}, "names": {"SS": names}})
"""
PROJECT = """
    import boto3
    put = boto3.client("dynamodb").put_item
    def handler(event, context):
        for record in event["Records"]:
            put(TableName="projected", Item=record["dynamodb"]["Keys"])
"""
# Counts the records that it gets.
COUNT = """
    import boto3
    count = boto3.client("dynamodb").update_item
    def handler(event, context):
        number = {":number": {"N": str(len(event["Records"]))}}
        count(
            TableName="counted", Key={"id": {"S": "all"}}, UpdateExpression="ADD records :number",
            ExpressionAttributeValues=number,
        )
"""


def make_table_with_stream(aws: Account, name: str) -> str:
    """The ARN of the stream of a new table."""
    keys = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    return str(make_table(aws("dynamodb"), name, StreamSpecification=keys)["LatestStreamArn"])


def make_stream(aws: Account, shards: int) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="events", ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName="events", WaiterConfig={"Delay": 1})


def make(aws: Account) -> None:
    """SQS → put; Kinesis → S3 → EventBridge → SQS → captured; the stream of put → projected."""
    sqs, s3, lambda_ = map(aws, ("sqs", "s3", "lambda"))
    changes, *_ = [make_table_with_stream(aws, table) for table in TABLES]
    make_stream(aws, shards=2)
    for queue in QUEUES:
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if queue.endswith(".fifo") else {}
        sqs.create_queue(QueueName=queue, Attributes={"VisibilityTimeout": HOURS, **fifo})
    s3.create_bucket(Bucket="captured")
    s3.put_bucket_notification_configuration(
        Bucket="captured", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    aws("events").put_rule(Name="objects", EventPattern=json.dumps({"source": ["aws.s3"]}))
    aws("events").put_targets(Rule="objects", Targets=[{"Id": "queue", "Arn": arn("sqs", "objects")}])
    functions = Functions(lambda_)
    put, capture, curate, project = (functions.make(one, Timeout=900) for one in (PUT, CAPTURE, CURATE, PROJECT))
    oldest, window = {"StartingPosition": "TRIM_HORIZON"}, {"MaximumBatchingWindowInSeconds": 1}
    for function, source, options in (
        (put, arn("sqs", "orders"), {}),
        (put, arn("sqs", "orders.fifo"), {}),
        (capture, arn("kinesis", "stream/events"), oldest | window),
        (curate, arn("sqs", "objects"), window),
        (project, changes, oldest),
    ):
        lambda_.create_event_source_mapping(FunctionName=function, EventSourceArn=source, **options)


def kind(number: int, count: int) -> str:
    return "slow" if number % 3 == 2 and not count else "quick"


class Shop:
    """Sends orders and events, and remembers what has been accepted."""

    def __init__(self, orders: Iterable[str] = (), events: Iterable[str] = ()) -> None:
        self.orders, self.events = set(orders), set(events)

    @contextmanager
    def open(self, aws: Account, number: int) -> Iterator[None]:
        closed = threading.Event()
        sqs, urls = aws("sqs"), {queue: url(aws, queue) for queue in QUEUES[:2]}
        kinesis = aws("kinesis")

        def send_orders() -> None:
            count = 0
            while not closed.is_set():
                for queue, group in (("orders", {}), ("orders.fifo", {"MessageGroupId": str(count % 3)})):
                    name = f"{kind(number, count)} {number}-{count} of {queue}"
                    sqs.send_message(QueueUrl=urls[queue], MessageBody=name, **group)
                    self.orders.add(name)
                count += 1
                closed.wait(0.02)

        def send_events() -> None:
            count = 0
            while not closed.is_set():
                names = [f"{kind(number, count)} {number}-{count}-{one}" for one in range(5)]
                kinesis.put_records(
                    StreamName="events", Records=[{"Data": name.encode(), "PartitionKey": name} for name in names]
                )
                self.events.update(names)
                count += 1
                closed.wait(0.05)

        with ThreadPoolExecutor(2) as pool:
            sending = [pool.submit(send_orders), pool.submit(send_events)]
            try:
                yield
            finally:
                closed.set()
            for one in sending:
                one.result()

    def is_through(self, aws: Account) -> bool:
        put, captured, projected = (rows(aws, table) for table in TABLES)
        names = [name for row in captured for name in row["names"]["SS"]]
        assert len(names) == len(set(names)), "a batch was not the same when it was delivered again"
        return (
            self.orders <= {row["id"]["S"] for row in put}
            and self.orders <= {row["id"]["S"] for row in projected}
            and self.events <= set(names)
            and not any(waiting(aws, queue) for queue in QUEUES)
        )


def url(aws: Account, queue: str) -> str:
    return str(aws("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def rows(aws: Account, table: str) -> list[dict[str, Any]]:
    pages = aws("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [row for page in pages for row in page["Items"]]


def waiting(aws: Account, queue: str) -> int:
    """How many messages a queue holds, received ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = aws("sqs").get_queue_attributes(QueueUrl=url(aws, queue), AttributeNames=names)
    return sum(map(int, answer["Attributes"].values()))


def counted(aws: Account) -> int:
    """How many records the function COUNT was given."""
    return sum(int(row["records"]["N"]) for row in rows(aws, "counted"))


def wait_until_through(shop: Shop, aws: Account) -> None:
    wait_for("everything to come out", lambda: shop.is_through(aws), STUCK_SECONDS)


def save_while_selling(emulator: Emulator, aws: Account, shop: Shop, number: int) -> Shop:
    """What the shop had sold when the state was saved. Every other time it is closed before."""
    enough = len(shop.orders) + 8 * number
    with ExitStack() as day:
        day.enter_context(shop.open(aws, number))
        wait_for("the shop to sell", lambda: len(shop.orders) > enough, STUCK_SECONDS)
        if number % 2:
            day.close()
        sold = Shop(shop.orders, shop.events)
        done(emulator, "save")
    return sold


def test_nothing_is_lost_or_stuck_whenever_it_is_saved(own_emulator: Emulator, tmp_path: Path) -> None:
    own_emulator.wait_for_services()
    aws, shop = Account(own_emulator.endpoint), Shop()
    make(aws)
    for number in range(ROUNDS):
        shop = save_while_selling(own_emulator, aws, shop, number)
        done(own_emulator, "load")
        wait_until_through(shop, aws)
        if number % FRESH_EVERY == 0:
            other = start_emulator(tmp_path / f"other-{number}", own_emulator.folder / "state")
            try:
                wait_until_through(shop, Account(other.endpoint))
            finally:
                other.stop()


def test_it_is_saved_once_all_is_through_unless_somebody_changes_something(
    own_emulator: Emulator, tmp_path: Path
) -> None:
    own_emulator.wait_for_services()
    aws, shop = Account(own_emulator.endpoint), Shop()
    make(aws)
    with shop.open(aws, 0):
        wait_for("the shop to sell", lambda: len(shop.orders) > 40, STUCK_SECONDS)
    moment = done(own_emulator, "moment")
    assert not moment["untouched"]
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(done, own_emulator, f"save_settled?moment={moment['moment']}")
        while not saving.done():
            rows(aws, "put")  # to look changes nothing
        saved = saving.result()
    assert saved["moment"] == moment["moment"]
    assert shop.is_through(aws)
    other = start_emulator(tmp_path / "other", own_emulator.folder / "settled")
    try:
        assert shop.is_through(Account(other.endpoint))
        assert done(other, "moment")["untouched"]
    finally:
        other.stop()

    moment = done(own_emulator, "moment")
    aws("sqs").send_message(QueueUrl=url(aws, "orders"), MessageBody="one more")
    status, answer = ask(own_emulator, f"save_settled?moment={moment['moment']}")
    assert (status, answer) == (500, {"error": "somebody has changed something since"})
    done(own_emulator, "save")
    done(own_emulator, "load")
    assert done(own_emulator, "moment")["untouched"]


def test_event_sources_rest_for_as_long_as_they_are_told(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    aws = Account(own_emulator.endpoint)
    make(aws)
    until = time.time() + 3
    done(own_emulator, "rest?seconds=3")
    sell(aws, "one")
    wait_for("what came while they rested", lambda: all(stored(aws, "one")))
    assert time.time() >= until

    done(own_emulator, f"rest?seconds={HOURS}")
    sell(aws, "two")
    done(own_emulator, "save")  # does not end it
    assert stored(aws, "two") == (False, False)
    done(own_emulator, "rest?seconds=0")
    wait_for("what came while they rested", lambda: all(stored(aws, "two")))


def test_nothing_is_through_while_event_sources_rest(own_emulator: Emulator) -> None:
    own_emulator.wait_for_services()
    aws = Account(own_emulator.endpoint)
    make(aws)
    done(own_emulator, f"rest?seconds={HOURS}")
    aws("kinesis").put_record(StreamName="events", Data=b"one", PartitionKey="one")
    moment = done(own_emulator, "moment")["moment"]
    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(done, own_emulator, f"save_settled?moment={moment}")
        with pytest.raises(TimeoutError):
            saving.result(2 * CALM_SECONDS)
        assert stored(aws, "one") == (False, False)
        done(own_emulator, "rest?seconds=0")
        saving.result()
    assert stored(aws, "one") == (False, True)


def sell(aws: Account, name: str) -> None:
    """Send an order and an event of that name."""
    aws("sqs").send_message(QueueUrl=url(aws, "orders"), MessageBody=name)
    aws("kinesis").put_record(StreamName="events", Data=name.encode(), PartitionKey=name)


def stored(aws: Account, name: str) -> tuple[bool, bool]:
    """Whether the order of that name has gone all its way, and whether the event has."""
    events = [each for row in rows(aws, "captured") for each in row["names"]["SS"]]
    return name in [row["id"]["S"] for row in rows(aws, "projected")], name in events


def test_records_that_become_a_batch_are_not_skipped(own_emulator: Emulator, tmp_path: Path) -> None:
    """To filter many takes a while; meanwhile they have been read, and no batch holds them."""
    own_emulator.wait_for_services()
    aws = Account(own_emulator.endpoint)
    kinesis, lambda_ = aws("kinesis"), aws("lambda")
    make_table_with_stream(aws, "counted")
    make_stream(aws, shards=1)
    entry = {"Data": json.dumps({"number": 1}).encode(), "PartitionKey": "1"}
    for _ in range(MANY // 500):
        kinesis.put_records(StreamName="events", Records=[entry] * 500)
    patterns = [{name: [{"exists": True}]} for name in ("a", "b", "c", "d", "number")]
    lambda_.create_event_source_mapping(
        FunctionName=Functions(lambda_).make(COUNT, Timeout=900),
        EventSourceArn=arn("kinesis", "stream/events"),
        StartingPosition="TRIM_HORIZON",
        BatchSize=MANY,
        FilterCriteria={"Filters": [{"Pattern": json.dumps({"data": pattern})} for pattern in patterns]},
    )
    states: list[Path] = []
    while not counted(aws):
        done(own_emulator, "save")
        states.append(own_emulator.folder / "state")
        states[-1] = shutil.copytree(states[-1], tmp_path / str(len(states)))
    for state in states:
        shutil.rmtree(own_emulator.folder / "state")
        shutil.copytree(state, own_emulator.folder / "state")
        done(own_emulator, "load")
        wait_for("all records", lambda: counted(aws) >= MANY, STUCK_SECONDS)


def test_messages_that_are_gathered_are_still_there(own_emulator: Emulator) -> None:
    """LocalStack's receiver has those of a window of more than 20 seconds in its hands until that ends."""
    own_emulator.wait_for_services()
    aws = Account(own_emulator.endpoint)
    make_table_with_stream(aws, "counted")
    queue = aws("sqs").create_queue(QueueName="gathered", Attributes={"VisibilityTimeout": HOURS})["QueueUrl"]
    aws("lambda").create_event_source_mapping(
        FunctionName=Functions(aws("lambda")).make(COUNT, Timeout=900),
        EventSourceArn=arn("sqs", "gathered"),
        BatchSize=100,
        MaximumBatchingWindowInSeconds=21,
    )
    for number in range(3):
        aws("sqs").send_message(QueueUrl=queue, MessageBody=str(number))
    wait_for("them to be gathered", lambda: not waiting(aws, "gathered"), STUCK_SECONDS)
    done(own_emulator, "save")
    done(own_emulator, "load")
    wait_for("them to be handed over", lambda: counted(aws) >= 3, STUCK_SECONDS)
