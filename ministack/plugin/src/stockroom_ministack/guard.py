"""Who may ask MiniStack: the rule of both emulators (stockroom_emulation/admission.py) before its application.

What it says of web applications is stricter here: only programs reach them, since nobody has looked at where MiniStack
would lead a page.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stockroom_emulation import admission
from stockroom_emulation.admission import OF_BROWSERS, Policy, Reach
from stockroom_emulation.peers import Peer, peer_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Guard:
    """An ASGI application that asks another one only for what the policy admits."""

    def __init__(self, application: Application, policy: Policy) -> None:
        self._application = application
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = refusal(self._policy, scope) if scope["type"] in ("http", "websocket") else None
        if reason is None:
            await self._application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            body = f"Stockroom: {reason}\n".encode()
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def refusal(policy: Policy, scope: Scope) -> str | None:
    """Why a request is refused; None when it is not."""
    client, server = scope["client"], scope["server"]
    family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
    if peer_of(family, client, server) is Peer.OTHER_USER:
        return "this platform belongs to another user of this machine"
    target = b"?".join(part for part in (scope["raw_path"], scope["query_string"]) if part)
    verdict = admission.judge(policy, scope.get("method", "GET"), target, scope["headers"])
    if verdict.reach is Reach.APPLICATIONS and not OF_BROWSERS.isdisjoint(name for name, _ in scope["headers"]):
        return "pages of other origins reach nothing of this engine"
    return verdict.reason if verdict.reach is Reach.NOTHING else None
