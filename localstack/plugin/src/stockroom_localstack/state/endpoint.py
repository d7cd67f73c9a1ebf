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
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from localstack.aws.gateway import Gateway as AwsGateway
from localstack.aws.handlers.service import ServiceRequestParser
from localstack.services.edge import ROUTER
from localstack.utils.patch import patch
from rolo import Request, Response
from rolo.gateway import Gateway
from werkzeug.exceptions import ServiceUnavailable

from stockroom_localstack.backends import booting
from stockroom_localstack.lifecycle import shutdown
from stockroom_localstack.lifecycle.early_start import EarlyStart

from . import background
from .gate import GATE

LOG = logging.getLogger(__name__)

FOLDER, SETTLED_FOLDER = "state", "settled"
# Names of operations that change nothing begin like this, in all services.
READING = ("Get", "List", "Describe", "Head", "BatchGet", "TransactGet", "Query", "Scan", "Filter", "Lookup")
FAILED, BAD_STATE = 1, 3


def watch_requests() -> None:
    # Patches: a handler in the chain would not see when a request has ended.
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


def load_early(folder: Path, parent: int, early_services: Sequence[str], start: EarlyStart) -> None:
    """The emulator's first state. Returns at once; nobody is answered before it is loaded, not even who asks whether
    the emulator is ready. Ends the emulator when it can't be loaded."""
    from . import snapshot

    GATE.close_until_loaded()
    try:
        booting.wait_for_state(folder, parent)
        about = snapshot.read_about(folder)
    except Exception as error:
        _end(error)

    def load() -> None:
        try:
            snapshot.load_at_start(folder)
        except Exception as error:
            _end(error)

    services = dict.fromkeys([*early_services, *about["services"]])
    start([*services], then=load)


def prove(folder: Path, parent: int, early_services: Sequence[str], start: EarlyStart) -> NoReturn:
    """Loads the state as `load_early` does, and ends the emulator: with status 0 when it can be loaded. Nobody is ever
    answered, and nothing that is loaded begins to work."""
    from . import snapshot

    GATE.close_until_loaded()

    def load() -> None:
        try:
            booting.wait_for_state(folder, parent)
            snapshot.prove(folder)
        except Exception as error:
            _end(error)
        shutdown.end_at_once(0)

    # What is started early is there already when the state, which is being saved meanwhile, is there.
    start(early_services, then=load)
    while True:
        signal.pause()


def _end(error: Exception) -> NoReturn:
    from .snapshot import BadStateError

    LOG.debug("the state that could not be loaded", exc_info=error)
    print(f"The state could not be loaded: {error}", file=sys.stderr)
    shutdown.end_at_once(BAD_STATE if isinstance(error, BadStateError) else FAILED)
