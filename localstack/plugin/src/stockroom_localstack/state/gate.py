"""Holds requests while the state is written or replaced."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

from werkzeug import Request
from werkzeug.exceptions import ServiceUnavailable

OWN = "/_stockroom/"
ABOUT_THE_EMULATOR = "/_localstack/"
INTERNAL_HEADER = "x-localstack-data"  # in LocalStack's requests to itself
FUNCTION_AGENT = "exec-env/AWS_Lambda"  # how boto3 introduces itself in a function
LOOK_EVERY_SECONDS = 0.025
PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 2.0


class Kind(IntEnum):
    """Who wants to pass: a request from outside, or what follows from one, in the emulator or in a function.

    A gate that admits NOTHING is closed for both.
    """

    OUTSIDE = 0
    WORK = 1
    NOTHING = 2


def kind_of(request: Request) -> Kind:
    """Who sends the request."""
    from_inside = INTERNAL_HEADER in request.headers or FUNCTION_AGENT in request.headers.get("User-Agent", "")
    return Kind.WORK if from_inside else Kind.OUTSIDE


class Gate:
    """Counts what is inside, holds what may not enter now, and tells whether anybody outside changed something."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._admits = Kind.OUTSIDE
        self._inside = dict.fromkeys((Kind.OUTSIDE, Kind.WORK), 0)
        self._times_replaced = 0
        self._origin = uuid.uuid4().hex
        self._changes = 0
        self._asked_at = 0.0
        self._mine = threading.local()
        self._opened = threading.Event()
        self._opened.set()

    # Around what may be held

    @contextmanager
    def request(self, request: Request) -> Iterator[None]:
        """Pass the gate with a request. Raises ServiceUnavailable if the state was replaced while the request was
        held."""
        if request.path.startswith(OWN):
            yield
        elif request.path.startswith(ABOUT_THE_EMULATOR):
            self._opened.wait()
            yield
        elif kind_of(request) is Kind.OUTSIDE:
            with self._passing(Kind.OUTSIDE), self._counting_changes():
                yield
        else:
            with self._passing(Kind.WORK):
                yield

    def tell_reading(self, request: Request) -> None:
        """Note that the request which is inside changes nothing."""
        if kind_of(request) is Kind.OUTSIDE:
            self._mine.reads = True

    @contextmanager
    def _counting_changes(self) -> Iterator[None]:
        self._mine.reads = False
        try:
            yield
        finally:
            if not self._mine.reads:
                with self._changed:
                    self._changes += 1

    @contextmanager
    def work(self) -> Iterator[None]:
        """Pass the gate with work that changes state without a request. Raises as `request`."""
        with self._passing(Kind.WORK):
            yield

    def handed_over(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Work that follows from something inside, for another thread to do. It counts as inside from now on until
        it is done."""
        with self._changed:
            self._inside[Kind.WORK] += 1
            times_replaced = self._times_replaced

        def do(*arguments: Any, **options: Any) -> Any:
            self._mine.kind, self._mine.times_replaced = Kind.WORK, times_replaced
            try:
                return work(*arguments, **options)
            finally:
                self._leave()

        return do

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around a wait inside a request or work. Nobody who waits for quiet waits for it."""
        kind = self._leave()
        try:
            yield
        finally:
            if kind is not None:
                self._enter(kind, self._mine.times_replaced)

    # For those who write or replace the state

    def close_until_loaded(self) -> None:
        """Hold all requests from outside until `open`, the question whether the emulator is ready too. For the
        start."""
        self._opened.clear()
        self.admit(Kind.WORK)

    def admit(self, kind: Kind) -> None:
        """Admit this kind, and what follows from it."""
        with self._changed:
            self._admits = kind
            self._changed.notify_all()

    def open(self) -> None:
        """Admit everything again."""
        self.admit(Kind.OUTSIDE)
        self._opened.set()

    def refuse_held_work(self) -> None:
        """Note that the state is being replaced. What is held and belongs to the old one gets an error."""
        with self._changed:
            self._times_replaced += 1
            self._changes = 0

    def moment(self) -> str:
        """A text that stays the same as long as nobody outside changes anything and the state is not replaced."""
        with self._changed:
            return f"{self._origin}-{self._times_replaced}-{self._changes}"

    def is_untouched(self) -> bool:
        """Whether nobody outside has changed anything since the emulator's start, or since the state was replaced."""
        return self._changes == 0

    def wait_until_quiet(self, kind: Kind, busy: Callable[[], bool], seconds: float) -> bool:
        """Wait until nothing of this kind, and nothing that follows from it, is inside, in two looks. False: not in
        time."""
        deadline = time.monotonic() + seconds
        quiet = 0
        while quiet < 2:
            with self._changed:
                inside = any(count for one, count in self._inside.items() if one >= kind)
            quiet = 0 if inside or busy() else quiet + 1
            if time.monotonic() > deadline:
                return False
            time.sleep(LOOK_EVERY_SECONDS)
        return True

    def wait_for_pause(self) -> None:
        """Wait, for LONGEST_PAUSE_SECONDS at most, until nobody asks any more whether all is there. For work that
        was just loaded."""
        began = time.monotonic()
        deadline = began + LONGEST_PAUSE_SECONDS
        while (left := min(max(self._asked_at, began) + PAUSE_SECONDS, deadline) - time.monotonic()) > 0:
            time.sleep(left)

    @contextmanager
    def _passing(self, kind: Kind) -> Iterator[None]:
        inside: Kind | None = getattr(self._mine, "kind", None)
        if inside is not None:  # part of something that is inside already
            self._refuse_what_is_of_another_state(inside, self._mine.times_replaced)
            yield
            return
        self._enter(kind, self._times_replaced)
        try:
            yield
        finally:
            self._leave()

    def _enter(self, kind: Kind, times_replaced: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: kind >= self._admits)
            self._refuse_what_is_of_another_state(kind, times_replaced)
            self._inside[kind] += 1
        if kind is Kind.OUTSIDE:
            self._asked_at = time.monotonic()
        self._mine.kind, self._mine.times_replaced = kind, times_replaced

    def _refuse_what_is_of_another_state(self, kind: Kind, times_replaced: int) -> None:
        if kind is Kind.WORK and times_replaced != self._times_replaced:
            raise ServiceUnavailable("The emulator's state was replaced")

    def _leave(self) -> Kind | None:
        kind: Kind | None = getattr(self._mine, "kind", None)
        if kind is not None:
            self._mine.kind = None
            with self._changed:
                self._inside[kind] -= 1
        return kind


GATE = Gate()
