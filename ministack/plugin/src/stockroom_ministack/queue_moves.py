"""Moves dead letters back to the queues that they came from, which MiniStack can't. A move ends with its call."""

import time
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import AccountRegionScopedDict, new_uuid
from ministack.services import lambda_svc, sqs

Request = dict[str, Any]
Queue = dict[str, Any]


@dataclass(frozen=True)
class Move:
    """A move that is done. target: ARN of the queue that all went to, None for those that they came from."""

    source: str
    target: str | None
    moved: int
    handle: str = field(default_factory=new_uuid)
    started_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    def told(self) -> dict[str, Any]:
        """As ListMessageMoveTasks tells it."""
        return {
            "Status": "COMPLETED",
            "SourceArn": self.source,
            **({"DestinationArn": self.target} if self.target else {}),
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.moved,
            "StartedTimestamp": self.started_ms,
        }


_moves: Any = AccountRegionScopedDict()  # list[Move] by ARN of the dead-letter queue, the newest last


def patch() -> None:
    """Add the operations on message moves."""
    sqs._HANDLERS |= {
        "ListDeadLetterSourceQueues": list_sources,
        "StartMessageMoveTask": start_move,
        "ListMessageMoveTasks": list_moves,
        "CancelMessageMoveTask": cancel_move,
    }


def list_sources(request: Request, url: str) -> dict[str, Any]:
    """ListDeadLetterSourceQueues."""
    queue = sqs._get_q(request.get("QueueUrl", url), "sqs:ListDeadLetterSourceQueues")
    return {"queueUrls": list(_sources(queue))}


def start_move(request: Request, _url: str) -> dict[str, Any]:
    """Raises what SQS refuses."""
    source, target = request["SourceArn"], request.get("DestinationArn")
    queue = _queue(source)
    if not _sources(queue):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    to = _queue(target) if target else None
    with sqs._queues_lock:
        now = time.time()
        moving = [one for one in queue["messages"] if one["visible_at"] <= now]
        destinations = [found for one in moving if (found := to or _origin(one))]
        if len(destinations) < len(moving):
            message = "CouldNotDetermineMessageSource: name a DestinationArn"
            raise sqs._Err("AWS.SimpleQueueService.UnsupportedOperation", message)
        gone = {id(one) for one in moving}
        queue["messages"] = [one for one in queue["messages"] if id(one) not in gone]
        for message, destination in zip(moving, destinations, strict=True):
            destination["messages"].append(_anew(message, now))
    move = Move(source, target, len(moving))
    _moves[source] = [*(_moves.get(source) or []), move]
    lambda_svc.esm_wake.set()
    return {"TaskHandle": move.handle}


def list_moves(request: Request, _url: str) -> dict[str, Any]:
    """ListMessageMoveTasks, the newest first."""
    _queue(request["SourceArn"])
    newest_first = reversed(_moves.get(request["SourceArn"]) or [])
    return {"Results": [move.told() for move in newest_first][: int(request.get("MaxResults") or 1)]}


def cancel_move(_request: Request, _url: str) -> dict[str, Any]:
    """CancelMessageMoveTask: every move is over at once, so there is none to cancel."""
    raise sqs._Err("ResourceNotFoundException", "Task does not exist, or is not running.", 404)


def _queue(arn: str) -> Queue:
    queue: Queue | None = sqs._queue_by_arn(arn)
    if queue is not None:
        return queue
    raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the SourceArn doesn't exist.", 404)


def _sources(queue: Queue) -> dict[str, Queue]:
    """The queues whose dead letters come to this one, by URL."""
    arn = queue["attributes"]["QueueArn"]
    return {
        url: one
        for url, one in sqs._queues.items()
        if f'"{arn}"' in (one["attributes"].get("RedrivePolicy") or "").replace(" ", "")
    }


def _origin(message: dict[str, Any]) -> Queue | None:
    arn = message.get("sys", {}).get("DeadLetterQueueSourceArn")
    found: Queue | None = sqs._queue_by_arn(arn) if arn else None
    return found


def _anew(message: dict[str, Any], now: float) -> dict[str, Any]:
    """The message as a new one: nobody has received it, and it may be retried as often as any."""
    told = {name: value for name, value in message["sys"].items() if name != "DeadLetterQueueSourceArn"}
    fresh = {"id": new_uuid(), "receipt_handle": None, "receive_count": 0, "first_receive_at": None}
    return message | fresh | {"sent_at": now, "visible_at": now, "sys": told}
