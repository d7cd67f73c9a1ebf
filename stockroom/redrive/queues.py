"""Dead-letter queues: finding one, looking at and holding its messages, and letting SQS move them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from time import sleep
from typing import TYPE_CHECKING, Any

from stockroom.console import Step
from stockroom.deployed.outputs import Outputs, find, label_of
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_PAUSE_SECONDS = 0.5
_RUNNING = frozenset({"RUNNING", "CANCELLING"})


@dataclass(frozen=True)
class Queue:
    """A dead-letter queue: what a user calls it, and the ARNs of the queues whose messages it takes."""

    name: str
    url: str
    arn: str
    sources: list[str]


def find_queue(session: boto3.Session, outputs: Outputs, name: str) -> Queue:
    """The dead-letter queue by the name of what it is for, as `outputs.find` takes it. Raises StockroomError."""
    key, url = find(outputs, "dead_letter_queue_urls", name, "dead-letter queue")
    sqs = session.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sources = [
        sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        for source in sqs.list_dead_letter_source_queues(QueueUrl=url)["queueUrls"]
    ]
    return Queue(label_of(outputs, "dead_letter_queue_urls", key), url, arn, sources)


@contextmanager
def received(sqs: SQSClient, url: str, seconds: int, most: int | None = None) -> Iterator[dict[str, MessageTypeDef]]:
    """The queue's messages by id, hidden from others; those that the block leaves in the dict are given back."""
    messages: dict[str, MessageTypeDef] = {}
    try:
        while most is None or len(messages) < most:
            answer = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=seconds,
                WaitTimeSeconds=1,
                MessageSystemAttributeNames=["All"],
            )
            found = {message["MessageId"]: message for message in answer.get("Messages", [])}
            nothing_new = found.keys() <= messages.keys()
            messages |= found
            if nothing_new:
                break
        yield messages
    finally:
        left = iter(list(messages.values()))
        while some := list(islice(left, 10)):
            sqs.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
                    for number, message in enumerate(some)
                ],
            )


def count(sqs: SQSClient, url: str) -> tuple[int, int]:
    """About how many messages can be received, and how many others hold at the moment."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]), int(attributes["ApproximateNumberOfMessagesNotVisible"])


def hold(sqs: SQSClient, queue: Queue, message: MessageTypeDef, seconds: int) -> None:
    """Hide a received message from others for so long."""
    from botocore.exceptions import ClientError

    # It may be visible again by now; that somebody else hands over the same records does no harm.
    with suppress(ClientError):
        sqs.change_message_visibility(
            QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds
        )


def move_back(sqs: SQSClient, queue: Queue, step: Step) -> str:
    """Let SQS move the messages to where they came from, and follow it to the end."""
    latest = _latest_move(sqs, queue)
    ours = latest.get("Status") not in _RUNNING
    handle = None
    if ours:
        # Named where there is only one, since SQS does not know where a message came from that was sent here.
        where: dict[str, Any] = {"DestinationArn": queue.sources[0]} if len(queue.sources) == 1 else {}
        handle = sqs.start_message_move_task(SourceArn=queue.arn, **where)["TaskHandle"]
    earlier = latest.get("StartedTimestamp") if ours else None
    try:
        while True:
            move = _latest_move(sqs, queue)
            if move and move.get("StartedTimestamp") != earlier:
                moved = move.get("ApproximateNumberOfMessagesMoved") or 0
                step.say(f"{moved:,} of {max(moved, move.get('ApproximateNumberOfMessagesToMove') or 0):,} moved")
                if move["Status"] not in _RUNNING:
                    break
            sleep(_PAUSE_SECONDS)
    except KeyboardInterrupt:
        if handle:
            from botocore.exceptions import ClientError

            # What was moved is moved; it may just have ended.
            with suppress(ClientError):
                sqs.cancel_message_move_task(TaskHandle=handle)
        raise
    if move["Status"] != "COMPLETED":
        raise StockroomError(
            f"SQS moved {moved:,} messages, then ended with {move['Status']}: {move.get('FailureReason', 'no reason')}",
            "run the command again to move the rest",
        )
    if not moved:
        return empty_words(queue, count(sqs, queue.url)[1])
    targets = ", ".join(source.rpartition(":")[2] for source in queue.sources)
    return f"{moved:,} messages moved back to {targets}; what fails again returns here"


def _latest_move(sqs: SQSClient, queue: Queue) -> dict[str, Any]:
    results = sqs.list_message_move_tasks(SourceArn=queue.arn, MaxResults=1).get("Results", [])
    return dict(results[0]) if results else {}


def empty_words(queue: Queue, held: int) -> str:
    """That there is nothing, or that others hold what there is."""
    if held:
        return f"nothing to see in the dead-letter queue of {queue.name}: {held} are held by somebody else; try again"
    return f"the dead-letter queue of {queue.name} is empty"
