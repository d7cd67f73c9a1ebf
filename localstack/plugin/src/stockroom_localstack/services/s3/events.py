"""The events for EventBridge as AWS sends them."""

from __future__ import annotations

import itertools
import json
import time
from functools import cache
from typing import Any
from urllib.parse import unquote

from localstack.services.s3.notifications import EventBridgeNotifier, S3EventNotificationContext

# Numbers that grow with time, also over a restart of the emulator.
_numbers = itertools.count(time.time_ns() >> 8)


def detail_as_on_aws(detail: dict[str, Any], requester: str, number: int) -> dict[str, Any]:
    """The detail of an event. LocalStack encodes the key as S3's own notifications do, and tells every event the same
    sequencer and requester.

    number: greater than that of all events before.
    """
    about = detail["object"]
    changed = {"key": unquote(about["key"])} | ({"sequencer": f"{number:018X}"} if "sequencer" in about else {})
    return detail | {"object": about | changed, "requester": requester}


@cache
def apply_patches() -> None:
    """Change the events that LocalStack sends to EventBridge, before they are sent."""
    original: Any = EventBridgeNotifier._get_event_payload

    def payload(ctx: S3EventNotificationContext, config_id: str | None = None) -> Any:
        entry = original(ctx, config_id)
        detail = detail_as_on_aws(json.loads(entry["Detail"]), ctx.account_id, next(_numbers))
        return entry | {"Detail": json.dumps(detail)}

    EventBridgeNotifier._get_event_payload = staticmethod(payload)  # type: ignore[method-assign]
