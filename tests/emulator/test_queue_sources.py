"""Event source mappings of SQS queues: how many calls of a function there are at a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .functions import Functions, make_table
from .recipe import wait_for

# Every call notes how many there are with it, and the order in which messages come. It stays until there are as many as
# WANTED, or for so many SECONDS.
SOURCE = """
    import os, time
    import boto3
    table = boto3.client("dynamodb")
    def add(number):
        answer = table.update_item(
            TableName=os.environ["TABLE"], Key={"id": {"S": "calls"}}, UpdateExpression="ADD seen :number",
            ExpressionAttributeValues={":number": {"N": str(number)}}, ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["seen"]["N"])
    def handler(event, context):
        most = add(1)
        until = time.monotonic() + int(os.environ["SECONDS"])
        while most < int(os.environ["WANTED"]) and time.monotonic() < until:
            time.sleep(0.05)
            most = max(most, add(0))
        for record in event["Records"]:
            table.put_item(
                TableName=os.environ["TABLE"],
                Item={
                    "id": {"S": record["body"]}, "most": {"N": str(most)}, "at": {"N": str(time.time_ns())},
                    "together": {"N": str(len(event["Records"]))},
                    "receives": {"N": record["attributes"]["ApproximateReceiveCount"]},
                },
            )
        add(-1)
"""


class Queue:
    """A queue whose messages a function gets, one by one if the mapping says nothing else."""

    def __init__(
        self,
        functions: Functions,
        aws: Callable[[str], Any],
        name: str,
        wanted: int,
        seconds: int = 3,
        source: str = SOURCE,
        **mapping: Any,
    ) -> None:
        self._aws = aws
        self._table = name.partition(".")[0]
        self._functions = functions
        make_table(aws("dynamodb"), self._table)
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if name.endswith(".fifo") else {}
        self.dead = aws("sqs").create_queue(QueueName=f"dead-{name}", Attributes=fifo)["QueueUrl"]
        redrive = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:000000000000:dead-{name}", "maxReceiveCount": 4}
        attributes = {"VisibilityTimeout": str(3 * seconds), "RedrivePolicy": json.dumps(redrive), **fifo}
        self.url = aws("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        variables = {"TABLE": self._table, "WANTED": str(wanted), "SECONDS": str(seconds)}
        self.function = functions.make(source, Environment={"Variables": variables}, Timeout=3 * seconds)
        self._arn = f"arn:aws:sqs:us-east-1:000000000000:{name}"
        self._mapping = mapping

    def send(self, count: int, name: str = "message", pause: float = 0, **options: str) -> list[str]:
        bodies = [f"{name}-{number}" for number in range(count)]
        for body in bodies:
            self._aws("sqs").send_message(QueueUrl=self.url, MessageBody=body, **options)
            time.sleep(pause)
        return bodies

    def map(self) -> str:
        answer = self._functions.service.create_event_source_mapping(
            FunctionName=self.function, EventSourceArn=self._arn, **({"BatchSize": 1} | self._mapping)
        )
        return str(answer["UUID"])

    def items(self) -> dict[str, dict[str, int]]:
        """Of each message that a function was done with: the most calls that it saw, when (ns), how many messages it
        was together with in its batch, and how often it had been received."""
        found = self._aws("dynamodb").scan(TableName=self._table, ConsistentRead=True)["Items"]
        return {
            item["id"]["S"]: {name: int(item[name]["N"]) for name in ("most", "at", "together", "receives")}
            for item in found
            if "most" in item
        }

    def wait_for(self, bodies: list[str]) -> list[int]:
        """The most calls at a time that each message saw."""
        wait_for("all messages", lambda: self.items().keys() >= set(bodies), 60)
        return [self.items()[body]["most"] for body in bodies]


def test_a_function_gets_several_batches_at_a_time(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=5, seconds=40)
    bodies = queue.send(5)
    queue.map()
    assert max(queue.wait_for(bodies)) == 5


def test_no_more_than_its_maximum_concurrency(functions: Functions, aws: Callable[[str], Any], unique: str) -> None:
    queue = Queue(functions, aws, unique, wanted=3, seconds=8, ScalingConfig={"MaximumConcurrency": 2})
    bodies = queue.send(4)
    queue.map()
    assert max(queue.wait_for(bodies)) == 2


def test_a_batching_window_gathers_what_comes_one_after_the_other(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=1, BatchSize=10, MaximumBatchingWindowInSeconds=5)
    mapping = queue.map()
    wait_for("the mapping", lambda: functions.service.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")
    bodies = queue.send(4, pause=0.5)
    queue.wait_for(bodies)
    assert {item["together"] for item in queue.items().values()} == {4}


def test_a_full_batch_does_not_wait_for_the_end_of_its_window(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=1, BatchSize=2, MaximumBatchingWindowInSeconds=300)
    bodies = queue.send(4)
    queue.map()
    queue.wait_for(bodies)  # which is shorter than the window
    assert {item["together"] for item in queue.items().values()} == {2}


def test_a_throttled_function_gets_all_messages_in_the_end(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=1)
    functions.service.put_function_concurrency(FunctionName=queue.function, ReservedConcurrentExecutions=1)
    bodies = queue.send(12)
    queue.map()
    assert queue.wait_for(bodies) == [1] * 12
    assert "Messages" not in aws("sqs").receive_message(QueueUrl=queue.dead)


def test_messages_of_one_group_come_one_after_the_other(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, f"{unique}.fifo", wanted=1)
    bodies = queue.send(4, MessageGroupId="one")
    queue.map()
    assert queue.wait_for(bodies) == [1] * 4
    items = queue.items()
    assert sorted(bodies, key=lambda body: items[body]["at"]) == bodies


def test_a_mapping_that_is_switched_off_receives_nothing_more(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=9, seconds=10)  # never as many: each call takes ten
    bodies = queue.send(40)
    mapping = queue.map()
    client, sqs, number = functions.service, aws("sqs"), "ApproximateNumberOfMessages"

    def messages() -> dict[str, int]:
        names = [number, f"{number}NotVisible"]
        attributes = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]
        return {name: int(attributes[name]) for name in names}

    wait_for("a call", lambda: messages()[f"{number}NotVisible"])
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    wait_for("the mapping", lambda: client.get_event_source_mapping(UUID=mapping)["State"] == "Disabled")
    left = messages()[number]
    wait_for("what was received", lambda: not messages()[f"{number}NotVisible"], 60)
    time.sleep(1)  # further ones would come now
    assert 0 < left < len(bodies)
    assert len(queue.items()) == len(bodies) - left
    assert messages() == {number: left, f"{number}NotVisible": 0}


def test_a_mapping_that_is_switched_off_while_it_waits_receives_nothing_more(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=1)
    mapping = queue.map()

    def is_in(state: str) -> bool:
        return bool(functions.service.get_event_source_mapping(UUID=mapping)["State"] == state)

    wait_for("the mapping", lambda: is_in("Enabled"))
    queue.wait_for(queue.send(1))  # it reads
    functions.service.update_event_source_mapping(UUID=mapping, Enabled=False)
    wait_for("the mapping", lambda: is_in("Disabled"))
    (other,) = queue.send(1, name="other")
    time.sleep(1)  # it would be received now
    assert queue.items().keys() == {"message-0"}
    functions.service.update_event_source_mapping(UUID=mapping, Enabled=True)
    queue.wait_for([other])


def test_a_call_is_never_larger_than_a_payload_may_be(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    """Ten messages of a megabyte make one batch, and two calls."""
    sqs = aws("sqs")
    told = sqs.create_queue(QueueName=f"told-{unique}")["QueueUrl"]
    url = sqs.create_queue(QueueName=unique)["QueueUrl"]
    source = f"""
        import boto3, json
        sqs = boto3.client("sqs")
        def handler(event, context):
            size = [len(event["Records"]), len(json.dumps(event))]
            sqs.send_message(QueueUrl={told!r}, MessageBody=json.dumps(size))
    """
    name = functions.make(source, Timeout=20)
    for _ in range(10):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1_000_000)
    mapping = functions.service.create_event_source_mapping(
        EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{unique}",
        FunctionName=name,
        BatchSize=20,
        MaximumBatchingWindowInSeconds=1,
    )["UUID"]
    sizes: list[list[int]] = []

    def all_came() -> bool:
        answer = sqs.receive_message(QueueUrl=told, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        sizes.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return sum(count for count, _ in sizes) >= 10

    wait_for("the messages", all_came, 60)
    functions.service.delete_event_source_mapping(UUID=mapping)
    assert sum(count for count, _ in sizes) == 10
    assert max(size for _, size in sizes) <= 6 * 2**20


def throttled(functions: Functions, aws: Callable[[str], Any], name: str) -> tuple[Queue, str, str]:
    """A queue whose only message waits for a function that is throttled, the message's body and the mapping."""
    queue = Queue(functions, aws, name, wanted=1, seconds=20)  # messages come again after a minute
    functions.service.put_function_concurrency(FunctionName=queue.function, ReservedConcurrentExecutions=0)
    (body,) = queue.send(1)
    mapping = queue.map()
    not_visible = "ApproximateNumberOfMessagesNotVisible"

    def received() -> bool:
        answer = aws("sqs").get_queue_attributes(QueueUrl=queue.url, AttributeNames=[not_visible])
        return bool(answer["Attributes"][not_visible] == "1")

    wait_for("the message to be received", received)
    return queue, body, mapping


def test_what_is_throttled_is_tried_again_and_costs_no_receive(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue, body, _ = throttled(functions, aws, unique)
    time.sleep(2)  # more than one try
    functions.service.delete_function_concurrency(FunctionName=queue.function)
    wait_for("the message", lambda: body in queue.items(), 40)  # long before it would come again
    assert queue.items()[body]["receives"] == 1


def test_what_is_throttled_when_its_mapping_is_switched_off_can_be_received_at_once(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue, body, mapping = throttled(functions, aws, unique)
    functions.service.update_event_source_mapping(UUID=mapping, Enabled=False)
    answer = aws("sqs").receive_message(QueueUrl=queue.url, WaitTimeSeconds=20)  # long before it would come again
    assert [message["Body"] for message in answer.get("Messages", [])] == [body]


# Each environment takes longer to initialise than its messages are hidden.
SLOW_START = "    import time\n    time.sleep(4)\n" + SOURCE


def test_messages_are_hidden_until_their_function_gets_them(
    functions: Functions, aws: Callable[[str], Any], unique: str
) -> None:
    queue = Queue(functions, aws, unique, wanted=1, seconds=1, source=SLOW_START)
    bodies = queue.send(6)
    queue.map()
    wait_for("all messages", lambda: queue.items().keys() >= set(bodies), 90)
    assert {item["receives"] for item in queue.items().values()} == {1}
