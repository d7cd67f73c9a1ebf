"""How the toolkit has the state saved and put back: always in the same place, below the emulator's run directory.

    POST /_stockroom/state/save    →  200 {"seconds": …, "bytes": …, "services": […], "moment": "…"}
    POST /_stockroom/state/load    →  200 {"seconds": …, "services": […]}
    POST /_stockroom/state/moment  →  200 {"moment": "…", "untouched": …}
    POST /_stockroom/state/rest?seconds=…  →  200 {}: for so long, or until the next such request, nothing new is read
                                      for event source mappings
    POST /_stockroom/state/save_settled?moment=…  →  as save, into another folder, once all that follows from what
                                      happened before that moment has happened
                                      500 {"error": "one line"}

All want the header X-Stockroom: 1, which no page of another site can send.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from localstack.aws.gateway import Gateway as AwsGateway
from localstack.aws.handlers.service import ServiceRequestParser
from localstack.services.edge import ROUTER
from localstack.utils.patch import patch
from rolo import Request, Response
from rolo.gateway import Gateway
from werkzeug.exceptions import ServiceUnavailable

from . import background
from .gate import GATE

LOG = logging.getLogger(__name__)

FOLDER, SETTLED_FOLDER = "state", "settled"
# Names of operations that change nothing begin like this, in all services.
READING = ("Get", "List", "Describe", "Head", "BatchGet", "TransactGet", "Query", "Scan", "Filter", "Lookup")


def watch_requests() -> None:
    """Let all requests pass the gate, and those that services make without the network. A handler in LocalStack's chain
    would not see when a request has ended."""

    @patch(Gateway.process)
    def process(original: Any, self: Gateway, request: Any, response: Any) -> None:
        _pass_gate(request, response, lambda: original(self, request, response))

    # The way of what services ask of each other without the network.
    @patch(AwsGateway.handle)
    def handle(original: Any, self: AwsGateway, context: Any, response: Any) -> None:
        _pass_gate(context.request, response, lambda: original(self, context, response))

    @patch(ServiceRequestParser.parse_and_enrich)
    def parse_and_enrich(original: Any, self: ServiceRequestParser, context: Any) -> None:
        original(self, context)
        if context.operation and context.operation.name.startswith(READING):
            GATE.tell_reading(context.request)


def _pass_gate(request: Any, response: Any, answer: Callable[[], None]) -> None:
    try:
        with GATE.request(request):
            answer()
    except ServiceUnavailable as refusal:
        response.status_code = refusal.code


def serve(run_dir: Path) -> None:
    """Answer at /_stockroom/state/. run_dir: the folder that states are saved into and loaded from."""
    settled = run_dir / SETTLED_FOLDER
    actions: dict[str, Callable[[Request], dict[str, Any]]] = {
        "save": lambda _: _snapshots().save(run_dir / FOLDER),
        "load": lambda _: _snapshots().load(run_dir / FOLDER),
        "moment": lambda _: {"moment": GATE.moment(), "untouched": GATE.is_untouched()},
        "rest": _rest,
        "save_settled": lambda request: _snapshots().save_settled(settled, request.args.get("moment", "")),
    }
    for name, action in actions.items():
        ROUTER.add(f"/_stockroom/state/{name}", _answer(name, action), methods=["POST"])


def _rest(request: Request) -> dict[str, Any]:
    background.rest_for(float(request.args["seconds"]))
    return {}


def _snapshots() -> ModuleType:
    from . import snapshot

    return snapshot


def _answer(name: str, action: Callable[[Request], dict[str, Any]]) -> Callable[..., Response]:
    def answer(request: Request, **_: Any) -> Response:
        if request.headers.get("X-Stockroom") != "1":
            return Response.for_json({"error": "the header X-Stockroom: 1 is missing"}, status=403)
        try:
            return Response.for_json(action(request))
        except Exception as error:
            known = isinstance(error, _snapshots().StateError)
            LOG.error("could not %s the state: %s", name, error, exc_info=not known)
            lines = str(error).splitlines() or [type(error).__name__]
            return Response.for_json({"error": lines[0]}, status=500)

    return answer
