"""Telling a running emulator to save its state, or to take the one that lies in its folder.

Its state is `<platform>/engine/state`, and `<platform>/engine/settled` what it saved when all had happened that was on
its way: it writes no other folder and loads no other.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from stockroom.engines.health import ask
from stockroom.errors import StockroomError

_PATIENCE_SECONDS = 60
_LONGEST_REST_SECONDS = 30
_SETTLING_SECONDS = 660  # the emulator gives up after 600


class RefusedStateError(StockroomError):
    """The emulator read a state and found that it can't be loaded, now or ever: its content is at fault."""


class Saved(NamedTuple):
    """The size of a state in bytes, and the moment that it is of."""

    bytes: int
    moment: str


class Moment(NamedTuple):
    """The same for as long as nobody changes anything but the platform itself, and its state is not replaced.

    untouched: nobody has since the emulator started or loaded a state.
    """

    name: str
    untouched: bool


def state_folder(engine_dir: Path) -> Path:
    return engine_dir / "state"


def settled_folder(engine_dir: Path) -> Path:
    return engine_dir / "settled"


def save_state(endpoint: str) -> Saved:
    """Let the emulator write its state. Raises StockroomError with its reason when it can't."""
    return _saved(_post(endpoint, "save", "save"))


def save_settled(endpoint: str, moment: str) -> Saved:
    """Let the emulator write its state once all that follows from what happened before the moment has happened.

    Raises StockroomError with its reason when it can't, and when somebody has changed something meanwhile.
    """
    return _saved(_post(endpoint, f"save_settled?moment={moment}", "save", _SETTLING_SECONDS))


def read_moment(endpoint: str) -> Moment:
    """Raises StockroomError, also for an emulator of an older version, which does not know it."""
    answer = _post(endpoint, "moment", "tell the moment of")
    return Moment(str(answer.get("moment", "")), bool(answer.get("untouched")))


def _saved(answer: dict[str, Any]) -> Saved:
    return Saved(int(answer.get("bytes", 0)), str(answer.get("moment", "")))


@contextmanager
def event_sources_rest(endpoint: str) -> Iterator[None]:
    """While the block runs, though not for long: nothing that is put into queues and streams is read from them.

    Raises StockroomError when the emulator does not answer.
    """
    _post(endpoint, f"rest?seconds={_LONGEST_REST_SECONDS}", "leave alone")
    try:
        yield
    finally:
        with suppress(StockroomError):  # they go on by themselves, too
            _post(endpoint, "rest?seconds=0", "take up")


def load_state(endpoint: str) -> None:
    """Put the emulator back to the state in its folder. Raises StockroomError with its reason when it can't."""
    _post(endpoint, "load", "load")


def _post(endpoint: str, path: str, verb: str, patience: float = _PATIENCE_SECONDS) -> dict[str, Any]:
    try:
        headers = {"X-Stockroom": "1", "Content-Length": "0"}
        status, body = ask(endpoint, "POST", f"/_stockroom/state/{path}", patience, headers)
    except (OSError, http.client.HTTPException) as error:
        raise StockroomError(f"the emulator did not {verb} its state: {error}", "see `invoke logs`") from None
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or status != http.HTTPStatus.OK:
        known = isinstance(answer, dict) and "error" in answer
        reason = answer["error"] if known else f"it answered something else (HTTP {status})"
        raise StockroomError(f"the emulator did not {verb} its state: {reason}", "see `invoke logs`")
    return answer


def copy_state(source: Path, target: Path) -> None:
    """Give a state another name besides: the same files, which nobody changes any more. Replaces the target."""
    draft = target.with_name(f"{target.name}.copy")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft, copy_function=os.link)
    shutil.rmtree(target, ignore_errors=True)
    draft.replace(target)
