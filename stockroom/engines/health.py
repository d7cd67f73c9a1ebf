"""What an AWS endpoint says about itself."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from types import MappingProxyType
from urllib.parse import urlsplit

from stockroom.errors import StockroomError


@dataclass(frozen=True)
class Health:
    """An endpoint that answers; version is None when it is no LocalStack."""

    version: str | None


def read_health(endpoint: str, timeout: float = 2) -> Health | None:
    """What answers at the endpoint, or None when nothing does."""
    try:
        status, body = ask(endpoint, "GET", "/_localstack/health", timeout)
    except (OSError, http.client.HTTPException):
        return None
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    try:
        health = json.loads(body)
    except ValueError:
        return Health(None)
    return Health(health.get("version") if isinstance(health, dict) else None)


def ask(
    endpoint: str, method: str, path: str, timeout: float, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[int, bytes]:
    """Status and body of what the endpoint answers. Raises OSError and http.client.HTTPException."""
    address = urlsplit(endpoint)
    # Not through urllib.request: a proxy from the user's shell must never see a call to the local endpoint.
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=timeout)
    try:
        connection.request(method, f"{address.path}{path}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for_health(endpoint: str, seconds: float, give_up: Callable[[], StockroomError | None]) -> Health:
    """Wait until the endpoint answers. `give_up` is asked between tries and returns the error that ends the wait."""
    deadline = monotonic() + seconds
    while (health := read_health(endpoint)) is None:
        if error := give_up():
            raise error
        if monotonic() > deadline:
            raise StockroomError(
                f"{endpoint} did not answer within {seconds:.0f} s", "STOCKROOM_START_TIMEOUT gives it longer"
            )
        # The endpoint offers no event to wait for; a refused connection costs next to nothing.
        sleep(0.05)
    return health
