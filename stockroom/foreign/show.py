"""The ends of the commands for foreign folders, for people."""

from __future__ import annotations

import json
import shlex
from typing import Any

from rich.markup import escape

from stockroom.console import out
from stockroom.foreign.request import DEFAULT_WORKSPACE, Request
from stockroom.foreign.run import Outcome

_WIDTH = 160


def print_up(request: Request, outcome: Outcome) -> None:
    """What was changed, the outputs, and what to do next."""
    out.print()
    what = "is up" if outcome.changes else "was up already, and nothing has changed"
    out.print(f"[bold]{escape(_title(request))} {what}[/bold] at {outcome.endpoint}")
    for name, value in sorted(outcome.applied.outputs.items()):
        out.print(f"  {escape(name)} = {escape(_shown(value))}")
    folder = escape(_words(request))
    out.print(
        f'  use it        eval "$(invoke env)"  then  awslocal s3 ls\n'
        f"  compare it    invoke plan {folder}\n"
        f"  take it down  invoke down {folder}"
    )


def print_plan(request: Request, outcome: Outcome) -> None:
    """Terraform's own text, and what to do next."""
    print(outcome.plan_text)
    if outcome.changes:
        out.print(f"apply it with: invoke up {escape(_words(request))}")


def print_down(request: Request, outcome: Outcome | None) -> None:
    if outcome is None:
        out.print(f"nothing is there of {escape(_title(request))}")
    else:
        out.print(f"{escape(_title(request))} is down: {outcome.applied.removed} destroyed")


def _title(request: Request) -> str:
    named = request.workspace != DEFAULT_WORKSPACE
    return f"{request.title} (workspace {request.workspace})" if named else request.title


def _words(request: Request) -> str:
    named = request.workspace != DEFAULT_WORKSPACE
    return shlex.join([request.title, *(["--workspace", request.workspace] if named else [])])


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"
