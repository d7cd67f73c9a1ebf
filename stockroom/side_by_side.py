"""Runs what does not wait for each other side by side, and says for each what became of it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from stockroom.errors import StockroomError
from stockroom.explain import explain

T = TypeVar("T")

Check = Callable[[], None]
"""To be called now and then: raises KeyboardInterrupt once for each Ctrl-C."""

Needs = Mapping[str, Iterable[str]]
"""Name → the names that have to be done before it."""


@dataclass(frozen=True)
class Done[T]:
    result: T


@dataclass(frozen=True)
class Failed:
    error: Exception


@dataclass(frozen=True)
class NotStarted:
    """`because` is the name that failed, and that this one needs, maybe by way of others."""

    because: str


Outcome = Done[T] | Failed | NotStarted


def run_side_by_side[T](needs: Needs, run: Callable[[str, Check], T], width: int = 4) -> dict[str, Outcome[T]]:
    """Run every name as soon as all that it needs is done, at most `width` at once; returns the outcomes by name.

    What a name needs and is not among the names counts as done. Of those that are ready the first in the mapping's
    order begins first. When one fails, those that need it are not started, and all others are run to their ends.

    `run` is called in a thread, where Python raises no KeyboardInterrupt: it has to call the check that it gets. Ctrl-C
    (and whatever else is raised that is no error, such as a KeyboardInterrupt in a thread) starts nothing more, reaches
    each of the running ones through its check, and is raised when all of these have ended.
    """
    return _Runs(needs, run, width).to_end()


class _Runs[T]:
    def __init__(self, needs: Needs, run: Callable[[str, Check], T], width: int) -> None:
        self._needs = {name: [need for need in listed if need in needs] for name, listed in needs.items()}
        self._run = run
        self._width = width
        self._running: dict[Future[T], str] = {}
        self._outcomes: dict[str, Outcome[T]] = {}
        self._interrupts = 0
        self._raised: BaseException | None = None

    def to_end(self) -> dict[str, Outcome[T]]:
        with self._counting_interrupts(), ThreadPoolExecutor(self._width) as pool:
            while self._begin(pool):
                ended, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._take(future)
        if self._interrupts:
            raise self._raised or KeyboardInterrupt
        return {name: self._outcomes[name] for name in self._needs}

    @contextmanager
    def _counting_interrupts(self) -> Iterator[None]:
        """An exception that may be raised between any two lines could leave a thread without the word to stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def count(*_: object) -> None:
            self._interrupts += 1

        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for number, handler in before.items():
                # What is ignored, or ends the process at once, goes on to do so.
                if callable(handler):
                    signal.signal(number, count)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _begin(self, pool: ThreadPoolExecutor) -> bool:
        """Start what is ready and say what can't be; returns whether anything is running."""
        if self._interrupts:
            return bool(self._running)
        begun = {*self._running.values(), *self._outcomes}
        # Again until nothing is found: a mapping may name things before what they need.
        while blocked := {
            name: because for name in self._needs if name not in begun and (because := self._why_not(name))
        }:
            self._outcomes |= {name: NotStarted(because) for name, because in blocked.items()}
            begun |= blocked.keys()
        for name in self._needs:
            if len(self._running) == self._width:
                break
            if name not in begun and all(need in self._outcomes for need in self._needs[name]):
                self._running[pool.submit(self._run, name, self._check())] = name
        return bool(self._running)

    def _why_not(self, name: str) -> str | None:
        for need in self._needs[name]:
            match self._outcomes.get(need):
                case Failed():
                    return need
                case NotStarted(because):
                    return because
        return None

    def _take(self, future: Future[T]) -> None:
        name = self._running.pop(future)
        try:
            self._outcomes[name] = Done(future.result())
        except Exception as error:
            self._outcomes[name] = Failed(error)
        except BaseException as error:
            self._raised = self._raised or error
            self._interrupts = self._interrupts or 1

    def _check(self) -> Check:
        seen = 0

        def check() -> None:
            nonlocal seen
            if seen < self._interrupts:
                seen += 1
                raise KeyboardInterrupt

        return check


def results_of[T](outcomes: Mapping[str, Outcome[T]], what: str) -> dict[str, T]:
    """The results by name. Where something failed, raises one StockroomError that tells what became of every name.

    `what` was done to each, such as "apply". The error of a single name is raised as it is, and so is one that can only
    be a bug.
    """
    errors = {name: _explained(one.error) for name, one in outcomes.items() if isinstance(one, Failed)}
    if not errors:
        return {name: one.result for name, one in outcomes.items() if isinstance(one, Done)}
    if len(outcomes) == 1:
        raise next(iter(errors.values()))
    waiting = [f"{name} (needs {one.because})" for name, one in outcomes.items() if isinstance(one, NotStarted)]
    done = [name for name, one in outcomes.items() if isinstance(one, Done)]
    others = [f"not begun: {', '.join(waiting)}"] if waiting else []
    others += [f"done: {', '.join(done)}"] if done else []
    if len(errors) == 1:
        (error,) = errors.values()
        raise StockroomError("; ".join([error.message, *others]), error.hint, error.details)
    raise StockroomError(
        "; ".join([f"{what} failed: {', '.join(errors)}", *others]),
        "mend these, then run the same command: it goes on with what is left",
        "\n".join(line for name, error in errors.items() for line in _lines(name, error)),
    )


def _explained(error: Exception) -> StockroomError:
    known = explain(error)
    if known is None:
        raise error
    return known


def _lines(name: str, error: StockroomError) -> list[str]:
    return [*filter(None, (error.details, f"{name}: {error.message}", error.hint and f"  next: {error.hint}"))]
