"""LocalStack's S3 with the events for EventBridge as AWS sends them."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from localstack.services.s3.models import S3Object
from localstack.services.s3.notifications import EventBridgeNotifier, S3EventNotificationContext
from localstack.services.s3.provider import S3Provider
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

# Numbers that grow with time, also over a restart of the emulator.
_numbers = itertools.count(time.time_ns() >> 8)


class ObjectStore(EphemeralS3ObjectStore):
    @staticmethod
    def _key_from_s3_object(s3_object: S3Object) -> str:
        """LocalStack takes a hash that is another one in every process, so that a saved state would not be found."""
        return f"{s3_object.key}?{s3_object.version_id or 'null'}"


class StockroomS3Provider(S3Provider):
    def __init__(self) -> None:
        # LocalStack's own folder is the same for all platforms of a machine, and goes when one deletes its bucket.
        super().__init__(ObjectStore(str(Path(tempfile.gettempdir()) / "s3")))

    def on_after_init(self) -> None:
        super().on_after_init()
        _send_events_as_aws_does()


def detail_as_on_aws(detail: dict[str, Any], requester: str, number: int) -> dict[str, Any]:
    """The detail of an event. LocalStack encodes the key as S3's own notifications do, and tells every event the same
    sequencer and requester.

    number: greater than that of all events before.
    """
    about = detail["object"]
    changed = {"key": unquote(about["key"])} | ({"sequencer": f"{number:018X}"} if "sequencer" in about else {})
    return detail | {"object": about | changed, "requester": requester}


@cache
def _send_events_as_aws_does() -> None:
    original: Any = EventBridgeNotifier._get_event_payload

    def payload(ctx: S3EventNotificationContext, config_id: str | None = None) -> Any:
        entry = original(ctx, config_id)
        detail = detail_as_on_aws(json.loads(entry["Detail"]), ctx.account_id, next(_numbers))
        return entry | {"Detail": json.dumps(detail)}

    EventBridgeNotifier._get_event_payload = staticmethod(payload)  # type: ignore[method-assign]
