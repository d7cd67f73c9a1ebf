"""`invoke redrive`: what is in a dead-letter queue, and handing it over once more after the cause is mended.

The messages of a queue go back to it (SQS moves them). For a stream Lambda leaves messages that only say which
records failed; these are read again from the stream, and the function is called with them as the stream would.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from stockroom.console import Step, Steps
from stockroom.deployed.outputs import Outputs, published
from stockroom.errors import StockroomError
from stockroom.redrive.messages import describe_body, function_name, in_order, parse_failed_batch, sent_at
from stockroom.redrive.queues import Queue, count, empty_words, find_queue, hold, move_back, received
from stockroom.redrive.streams import LONGEST_CALL_SECONDS, FailedBatches, KeptError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_LOOK_SECONDS = 30  # how long `--list` hides a message at most; it gives each back at once
_LISTED = 100


def list_letters(session: boto3.Session, outputs: Outputs, name: str) -> Group:
    """What is in a dead-letter queue: how many, since when, and of each what it is about."""
    queue = find_queue(session, outputs, name)
    sqs = session.client("sqs")
    waiting, held = count(sqs, queue.url)
    with received(sqs, queue.url, _LOOK_SECONDS, most=_LISTED) as found:
        messages = sorted(found.values(), key=sent_at)
    if not messages:
        return Group(empty_words(queue, held))
    heading = f"{max(waiting, len(messages))} in the dead-letter queue of {queue.name}"
    table = letter_table(messages)
    more = waiting - len(messages)
    return Group(f"{heading}, the oldest since {sent_at(messages[0]):%Y-%m-%d %H:%M:%S} UTC", table,
                 *([f"and about {more} more"] if more > 0 else []))  # fmt: skip


def letter_table(messages: Iterable[MessageTypeDef]) -> Table:
    """A line for each message: when it was sent, its id, and what it is about."""
    table = Table("since (UTC)", "message", "about", box=None, pad_edge=False, header_style="dim")
    for message in messages:
        about = describe_body(message["Body"])
        if batch := parse_failed_batch(message["Body"]):
            function = function_name(batch.function_arn) if batch.function_arn else "an unknown function"
            about = f"{batch.condition}: {batch.size} records of {batch.shard_id} for {function}, from {batch.first}"
        table.add_row(f"{sent_at(message):%m-%d %H:%M:%S}", message["MessageId"], escape(about))
    return table


def redrive(session: boto3.Session, outputs: Outputs, name: str, steps: Steps) -> str:
    """Hand over once more what is in a dead-letter queue; returns what was done.

    Raises StockroomError for an unknown queue, for a move that fails, and when messages are kept.
    """
    queue = find_queue(session, outputs, name)
    with steps.step("redrive") as step:
        if queue.sources:
            return move_back(session.client("sqs"), queue, step)
        return _hand_over(session, outputs, queue, steps, step)


def _hand_over(session: boto3.Session, outputs: Outputs, queue: Queue, steps: Steps, step: Step) -> str:
    """Call the functions with the records of every message; a message goes when its function took them all."""
    sqs = session.client("sqs")
    source = FailedBatches(session, set(published(outputs, "function_names").values()))
    step.say("receiving")
    taken = kept = 0
    with received(sqs, queue.url, LONGEST_CALL_SECONDS) as messages:
        if not messages:
            step.say("nothing to hand over")
            return empty_words(queue, count(sqs, queue.url)[1])
        letters = in_order(messages.values())
        for number, message in enumerate(letters, start=1):
            step.say(f"message {number:,} of {len(letters):,}, {taken:,} records handed over")
            hold(sqs, queue, message, LONGEST_CALL_SECONDS)
            try:
                taken += source.hand_over(message["Body"])
            except KeptError as reason:
                kept += 1
                steps.note(f"kept {message['MessageId']}: {reason}")
                continue
            sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
            del messages[message["MessageId"]]
        done = f"{taken:,} records of {len(letters) - kept:,} messages handed over"
        step.say(done)
    if kept:
        raise StockroomError(
            f"{kept:,} of {len(letters):,} messages are still in the dead-letter queue of {queue.name}",
            "mend what their reasons name, then run the command again; `invoke logs` may tell more",
        )
    return done
