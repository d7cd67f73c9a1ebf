"""Hands the bodies of SQS messages to functions as they were sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from localstack.services.lambda_.event_source_mapping.pollers import sqs_poller
from localstack.services.lambda_.event_source_mapping.pollers.poller import Poller

Event = Mapping[str, Any]


def passes(event: Event, matches: Callable[[Event], bool]) -> bool:
    """Whether an event passes a mapping's filters. They see the JSON in its body, if it is JSON."""
    try:
        return matches({**event, "body": json.loads(event["body"])})
    except (ValueError, RecursionError):  # no JSON, a longer number or a deeper nesting than Python takes
        return matches(event)


def leave_untouched() -> None:
    # A patch, because LocalStack has no other way: its poller puts the parsed JSON in the place of each body, and JSON
    # of its own making back after the filters. Spaces and repeated keys get lost on that way, and a body that Python
    # can't parse makes its whole batch fail again and again. So the poller's `json` gives it the text as it is, and
    # filters parse for themselves.
    def filter_events(self: Poller, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if not self.filter_patterns:
            return events
        return [event for event in events if passes(event, lambda seen: bool(Poller.filter_events(self, [dict(seen)])))]

    vars(sqs_poller).update(json=SimpleNamespace(loads=str, JSONDecodeError=json.JSONDecodeError))
    sqs_poller.SqsPoller.filter_events = filter_events  # type: ignore[method-assign]
