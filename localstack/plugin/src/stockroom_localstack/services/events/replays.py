"""Archives and replays of EventBridge."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from localstack.services.events.archive import ArchiveService
from localstack.services.events.replay import ReplayService
from localstack.services.events.utils import extract_event_bus_name

TIME = "%Y-%m-%dT%H:%M:%SZ"  # in events


def time_of(event: Mapping[str, Any]) -> datetime:
    """The time of an event in an archive, which is a text there."""
    return datetime.strptime(event["time"], TIME).replace(tzinfo=UTC)


def from_archive(event: Mapping[str, Any], bus: str, replay: str) -> dict[str, Any]:
    """The event as PutEvents takes it."""
    return {
        "EventBusName": bus,
        "ReplayName": replay,
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Time": time_of(event),
        "Resources": event.get("resources") or [],
    }


@cache
def apply_patches() -> None:
    """Mend archives, which hold times as texts, and replays, which count with them as with times."""
    archives: Any = ArchiveService
    replays: Any = ReplayService
    archives._filter_events_start_end_time = _between
    replays.re_format_events_from_archive = _from_archive
    replays._set_event_last_replayed_time = _set_last_time
    # What both lack they pass on to another object, which they have not yet while they are read from a saved state.
    archives.__getattr__ = _passed_on_to("archive")
    replays.__getattr__ = _passed_on_to("replay")


def _passed_on_to(attribute: str) -> Callable[[Any, str], Any]:
    def get(service: Any, name: str) -> Any:
        if attribute not in vars(service):
            raise AttributeError(name)
        return getattr(vars(service)[attribute], name)

    return get


def _between(archive: Any, start: datetime, end: datetime) -> list[Any]:
    first, last = (archive._normalize_datetime(moment) for moment in (start, end))
    events = [
        one for one in archive.archive.events.values() if first <= archive._normalize_datetime(time_of(one)) <= last
    ]
    return sorted(events, key=time_of)


def _from_archive(service: Any, events: list[Any], replay_name: str) -> list[dict[str, Any]]:
    bus = extract_event_bus_name(service.destination["Arn"])
    return [from_archive(event, bus, replay_name) for event in events]


def _set_last_time(service: Any, events: list[Any]) -> None:
    service.replay.event_last_replayed_time = max(map(time_of, events))
