"""The emulator's WSGI application, behind the rule of admission.py."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any

from stockroom_emulation import admission
from stockroom_emulation.admission import Headers, Policy, Reach, Verdict

from . import applications
from .wsgi import VERDICT, Application, Environment

LOG = logging.getLogger(__name__)

ACTIVE_CONTENT = ("text/html", "application/xhtml", "image/svg", "text/xml", "application/xml")
OF_ANOTHER_USER = Verdict(Reach.NOTHING, "this platform belongs to another user of this machine")

Lines = list[tuple[str, str]]
StartResponse = Callable[..., Any]


class Guard:
    """A WSGI application that asks another one only for what the policy admits."""

    def __init__(self, application: Application, policy: Policy) -> None:
        self._application = application
        self._policy = policy

    def judge(self, is_others: bool, method: str, target: bytes, headers: Headers) -> Verdict:
        """Judge a request by its head, before its body is read. is_others: another user has made the connection."""
        return OF_ANOTHER_USER if is_others else admission.judge(self._policy, method, target, headers)

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        verdict: Verdict = environ[VERDICT]
        if verdict.reach is Reach.NOTHING:
            return _refuse(verdict.reason, start_response)
        if verdict.reach is Reach.APPLICATIONS and (reason := applications.refusal(self._policy, environ)):
            return _refuse(reason, start_response)
        return self._application(environ, partial(_start_inert, start_response) if verdict.inert else start_response)


def _start_inert(start_response: StartResponse, status: str, headers: Lines, *error: Any) -> Any:
    is_active = any(
        name.lower() == "content-type" and value.lower().startswith(ACTIVE_CONTENT) for name, value in headers
    )
    return start_response(status, [*headers, ("Content-Security-Policy", "sandbox")] if is_active else headers, *error)


def _refuse(reason: str, start_response: StartResponse) -> list[bytes]:
    _log_once(reason)
    body = f"Stockroom: {reason}\n".encode()
    start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


@lru_cache(256)
def _log_once(reason: str) -> None:
    LOG.warning("a request was refused: %s", reason)
