"""Getting batches into a service: cutting them, sending several at a time, giving up in time."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import Event
from time import monotonic
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
)

from stockroom.errors import StockroomError

T = TypeVar("T")

PATIENCE = 30.0  # seconds without a single accepted entry after which a service counts as gone
FIRST_DELAY = 0.1  # seconds
LONGEST_DELAY = 5.0  # seconds

_THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
}
_MISSING = {
    "404",
    "AWS.SimpleQueueService.NonExistentQueue",
    "NoSuchBucket",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
}


class Stopped(Exception):  # noqa: N818 - not an error: another service failed, or the user pressed Ctrl-C
    """Loading was told to stop."""


def in_batches[T](
    entries: Iterable[T], most: int, size: Callable[[T], int] = lambda entry: 0, most_bytes: int = 1
) -> Iterator[list[T]]:
    """Lists of at most `most` entries and, by `size`, `most_bytes`; an entry of more bytes goes alone."""
    batch: list[T] = []
    total = 0
    for entry in entries:
        bytes_ = size(entry)
        if batch and (len(batch) == most or total + bytes_ > most_bytes):
            yield batch
            batch, total = [], 0
        batch.append(entry)
        total += bytes_
    if batch:
        yield batch


def deliver[T](
    batch: Sequence[T],
    send: Callable[[Sequence[T]], Sequence[T]],
    what: str,
    stop: Event,
    clock: Callable[[], float] = monotonic,
) -> None:
    """Sends the batch until all of it is in.

    `send` returns the entries that the service did not take. Between tries the wait grows from a tenth of a
    second to five seconds, with jitter. Raises StockroomError, naming `what` is loaded, for an error that
    waiting does not mend and after half a minute in which nothing was taken; raises Stopped when `stop` is
    set.
    """
    pending = batch
    tries = 0
    last_taken = clock()
    reason: BaseException | None = None
    while True:
        if stop.is_set():
            raise Stopped
        try:
            left = send(pending)
        except (BotoCoreError, ClientError) as error:
            if not is_passing(error):
                raise explained(error, what) from error
            left = pending
            reason = error
        if not left:
            return
        if len(left) < len(pending):
            tries, last_taken = 0, clock()
        elif clock() - last_taken > PATIENCE:
            raise gone(what, reason)
        pending = left
        stop.wait(delay(tries))
        tries += 1


def ask[T](call: Callable[[], T], what: str, stop: Event) -> T:
    """The call's answer, as patiently as `deliver`; for calls that are harmless to repeat."""
    answers: list[T] = []

    def send(_: Sequence[None]) -> Sequence[None]:
        answers.append(call())
        return []

    deliver([None], send, what, stop)
    return answers[0]


def gone(what: str, reason: BaseException | None) -> StockroomError:
    """The error for a service that has taken nothing for too long; `reason` is what it answered last."""
    words = _in_words(reason) if reason else "it takes nothing"
    return StockroomError(
        f"{what} cannot be loaded; for {PATIENCE:.0f} s: {words}",
        hint="see `invoke infra-status`; run the same command again and it goes on where this one stopped",
    )


def delay(tries: int) -> float:
    """Seconds to wait after that many vain tries: doubled each time up to a cap, half of it random."""
    longest: float = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(tries, 16))
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads clients out, guards nothing


def side_by_side[T](batches: Iterable[Sequence[T]], send: Callable[[Sequence[T]], None], workers: int) -> None:
    """Calls `send` for every batch, `workers` at a time, drawing batches only as fast as they go out.

    After the first error no further batch is drawn; those under way end, and the error is raised.
    """
    with ThreadPoolExecutor(workers) as pool:
        under_way: set[Future[None]] = set()
        for batch in batches:
            if len(under_way) == workers:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            under_way.add(pool.submit(send, batch))
        for future in under_way:
            future.result()


def is_passing(error: BotoCoreError | ClientError) -> bool:
    """Whether the same request may succeed later: throttling, a server error, a connection that failed."""
    if isinstance(error, ClientError):
        return _code(error) in _THROTTLED or _status(error) >= 500
    return isinstance(error, (ConnectionError, HTTPClientError))


def may_have_arrived(error: BotoCoreError | ClientError) -> bool:
    """Whether the service may have carried the request out, although no answer came."""
    if isinstance(error, ClientError):
        return _status(error) >= 500
    never_sent = isinstance(error, (EndpointConnectionError, ConnectTimeoutError))
    return isinstance(error, (ConnectionError, HTTPClientError)) and not never_sent


def explained(error: BotoCoreError | ClientError, what: str) -> StockroomError:
    """The error in words for the user."""
    if isinstance(error, ClientError) and _code(error) in _MISSING:
        return StockroomError(
            f"{what} cannot be loaded: it does not exist ({_in_words(error)})",
            hint="deploy the stack first: invoke infra-up",
        )
    return StockroomError(f"{what} cannot be loaded: {_in_words(error)}")


def _in_words(error: BaseException) -> str:
    if isinstance(error, ClientError):
        return f"{_code(error)}: {error.response.get('Error', {}).get('Message', '')}".partition("\n")[0]
    return str(error).strip().partition("\n")[0]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
