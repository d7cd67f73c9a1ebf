"""The ends of commands: summaries, status and findings, for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from stockroom.console import Steps, out
from stockroom.deployed.outputs import Key, labels
from stockroom.local.doctor import FAILED, OK, Finding
from stockroom.local.status import Status, engine_summary, record_table, resource_tree

if TYPE_CHECKING:
    from stockroom.local.up import Summary
    from stockroom.seeder import Loaded

__all__ = ["Steps", "print_findings", "print_seeded", "print_status", "print_summary"]


def print_summary(summary: Summary) -> None:
    """What `infra-up` did, where things are, and what to do next."""
    if summary.seeded:
        print_seeded(summary.seeded)
    out.print()
    out.print(f"[bold]The platform is up[/bold] at {summary.endpoint}, release {summary.release}")
    changed = sum(result.added + result.changed + result.removed for result in summary.applied.values())
    if summary.origin:
        out.print(f"  {escape(summary.origin)}")
    elif not changed:
        out.print("  every resource was there already")
    print_urls(summary.urls)
    out.print(
        "  see it        invoke infra-status\n"
        '  use it        eval "$(invoke env)"  then  awslocal s3 ls\n'
        "  its log       invoke logs --follow\n"
        "  test it       invoke test\n"
        "  stop it       invoke infra-down"
    )


def print_urls(urls: Mapping[Key, str]) -> None:
    """What can be opened in a browser, by what a user calls it."""
    for key, label in labels(urls).items():
        out.print(f"  open {escape(label)}: {escape(urls[key])}", soft_wrap=True)


def print_seeded(loaded: Mapping[str, Loaded]) -> None:
    """What went in, what did not and why, of each stack."""
    for one in loaded.values():
        out.print(one.summary)


def print_status(status: Status, as_json: bool) -> None:
    if as_json:
        print(json.dumps(status.as_json(), indent=2, sort_keys=True))
        return
    out.print(f"[bold]engine[/bold]    {escape(engine_summary(status.engine))}")
    out.print(f"[bold]endpoint[/bold]  {status.engine.endpoint}")
    if status.engine.state == "stopped":
        out.print("start it with: invoke infra-up")
        return
    if not status.stacks:
        out.print("nothing is deployed; deploy it with: invoke infra-up")
        return
    if release := status.release:
        commit = f", commit {release['commit'][:12]}" if release["commit"] else ""
        dirty = ", with uncommitted changes" if release["dirty"] else ""
        told = f"{release['digest'][:12]}{commit}{dirty}, since {release['deployed_at']}"
        out.print(f"[bold]release[/bold]   {escape(told)}")
    print_urls(status.urls)
    out.print(resource_tree(status.stacks))
    out.print(record_table(status.records))


def print_findings(findings: Iterable[Finding], as_json: bool) -> int:
    """Print the findings; returns the exit code: 1 when `infra-up` would not work."""
    findings = list(findings)
    failed = [finding for finding in findings if finding.result == FAILED]
    if as_json:
        print(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}, indent=2))
        return 1 if failed else 0
    table = Table(box=None, show_header=False, pad_edge=False)
    colours = {OK: "green", FAILED: "red"}
    for finding in findings:
        colour = colours.get(finding.result, "yellow")
        table.add_row(f"[{colour}]{finding.result}[/{colour}]", finding.check, escape(finding.detail))
        if finding.mend:
            table.add_row("", "", f"[bold]mend:[/bold] {escape(finding.mend)}")
    out.print(table)
    out.print(f"{len(failed)} of {len(findings)} checks failed" if failed else "ready for: invoke infra-up")
    return 1 if failed else 0
