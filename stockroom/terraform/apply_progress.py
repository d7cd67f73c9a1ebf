"""What `terraform apply -json` tells while it works, and what it has done in the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any


@dataclass
class ApplyResult:
    """What an apply did, and the stack's outputs by name."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class ApplyProgress:
    """Reads the lines of `terraform apply -json` and keeps what they add up to."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.result = ApplyResult()
        self._say = say
        self._planned = 0
        self._done = 0
        self._started: dict[str, float] = {}

    def read(self, line: str) -> None:
        event = json_line(line)
        hook = event.get("hook", {})
        if hook.get("action") == "read":
            return  # data sources are reported like resources, but nobody waits for them
        address = hook.get("resource", {}).get("addr", "")
        match event.get("type"):
            case "planned_change":
                # A replacement is reported twice: as a destruction and as a creation.
                self._planned += 2 if event["change"]["action"] == "replace" else 1
            case "apply_start":
                self._started[address] = monotonic()
            case "apply_complete" | "apply_errored":
                self.result.seconds[address] = monotonic() - self._started.pop(address, monotonic())
                self._done += 1
            case "change_summary" if event["changes"]["operation"] == "apply":
                changes = event["changes"]
                self.result.added, self.result.changed, self.result.removed = (
                    changes["add"], changes["change"], changes["remove"],
                )  # fmt: skip
            case "outputs":
                self.result.outputs = {
                    name: output["value"] for name, output in event["outputs"].items() if "value" in output
                }
        if not self._planned:
            self._say("comparing with what is there")
        else:
            slowest = min(self._started, key=self._started.__getitem__, default="")
            self._say(f"{self._done} of {self._planned} resources{f', waiting for {slowest}' if slowest else ''}")


def json_line(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
