"""`invoke audit`: every lock against the advisories of PyPI and npm."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from stockroom.audit.advisories import Allowance, Audit, Finding, judge, read_exceptions
from stockroom.audit.locks import read_locks
from stockroom.audit.osv import Osv
from stockroom.console import out

ALLOWED = Path(__file__).with_name("allowed.toml")

FOUND = 2


def audit(osv: Osv) -> Audit:
    """Raises StockroomError when the advisories can't be had."""
    exceptions = read_exceptions(ALLOWED.read_text())
    locks = read_locks()
    return judge(locks, osv.advisories(locks), exceptions, datetime.now(UTC).date())


def print_audit(found: Audit, as_json: bool) -> int:
    """The exit code of the task."""
    if as_json:
        print(json.dumps(as_object(found), indent=2))
    else:
        _print_words(found)
    return FOUND if found.vulnerable else 0


def as_object(found: Audit) -> dict[str, Any]:
    """As docs/commands.md has it."""
    return {
        "ok": not found.vulnerable,
        "packages": found.packages,
        "locks": list(found.locks),
        "vulnerable": [_as_object(finding) for finding in found.vulnerable],
        "allowed": [_as_object(finding) for finding in found.allowed],
        "exceptions": {
            "ended": [_exception(one) for one in found.ended],
            "unneeded": [_exception(one) for one in found.unneeded],
        },
    }


def _as_object(finding: Finding) -> dict[str, Any]:
    package = asdict(finding.package)
    told = {name: value for name, value in vars(finding).items() if name not in ("package", "allowed")}
    allowed = {"exception": _exception(finding.allowed)} if finding.allowed else {}
    return (
        package | {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()} | allowed
    )


def _exception(one: Allowance) -> dict[str, str]:
    return vars(one) | {"until": one.until.isoformat()}


def _print_words(found: Audit) -> None:
    if found.vulnerable:
        table = Table("package", "vulnerability", "severity", "fixed in", "locks", "what", box=None, pad_edge=False)
        for finding in found.vulnerable:
            table.add_row(*map(escape, _row(finding)))
        out.print(table)
    for finding in found.allowed:
        assert finding.allowed
        out.print(
            escape(
                f"allowed until {finding.allowed.until}: {finding.package} {finding.ids[0]}: {finding.allowed.reason}"
            )
        )
    for one in found.ended:
        out.print(escape(f"allowed no longer, since {one.until} is over: {one.package} {one.id}"))
    for one in found.unneeded:
        out.print(escape(f"allowed, and found no more; take it out of allowed.toml: {one.package} {one.id}"))
    what = f"{len(found.vulnerable)} vulnerabilities" if found.vulnerable else "no vulnerability"
    known = f", {len(found.allowed)} allowed" if found.allowed else ""
    out.print(f"{what}{known} in {found.packages} packages of {len(found.locks)} locks")


def _row(finding: Finding) -> tuple[str, ...]:
    fixed = ", ".join(finding.fixed_in) or "no version"
    return (
        str(finding.package), finding.ids[0], finding.severity, fixed, "\n".join(finding.locks), finding.summary
    )  # fmt: skip
