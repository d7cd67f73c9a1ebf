"""Telling a running emulator to save its state, or to take the one that lies in its folder.

Its state is `<platform>/engine/state`: it writes no other folder and loads no other.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stockroom.errors import StockroomError

_PATIENCE_SECONDS = 60


def state_folder(engine_dir: Path) -> Path:
    return engine_dir / "state"


def save_state(endpoint: str) -> int:
    """Let the emulator write its state; returns the bytes. Raises StockroomError with its reason when it can't."""
    return int(_post(endpoint, "save").get("bytes", 0))


def load_state(endpoint: str) -> None:
    """Put the emulator back to the state in its folder. Raises StockroomError with its reason when it can't."""
    _post(endpoint, "load")


def _post(endpoint: str, action: str) -> dict[str, Any]:
    address = urlsplit(endpoint)
    # Not through urllib: a proxy of the user's shell must not see it.
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("POST", f"/_stockroom/state/{action}", headers={"X-Stockroom": "1", "Content-Length": "0"})
        response = connection.getresponse()
        status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StockroomError(f"the emulator did not {action} its state: {error}", "see `invoke logs`") from None
    finally:
        connection.close()
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or status != http.HTTPStatus.OK:
        known = isinstance(answer, dict) and "error" in answer
        reason = answer["error"] if known else f"it answered something else (HTTP {status})"
        raise StockroomError(f"the emulator did not {action} its state: {reason}", "see `invoke logs`")
    return answer


def copy_state(source: Path, target: Path) -> None:
    """Give a state another name besides: the same files, which nobody changes any more. Replaces the target."""
    draft = target.with_name(f"{target.name}.copy")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft, copy_function=os.link)
    shutil.rmtree(target, ignore_errors=True)
    draft.replace(target)
