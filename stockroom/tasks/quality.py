"""Tests and checks."""

from __future__ import annotations

import sys

from invoke import Context, task

from stockroom.tasks.command import command


@task(
    help={
        "env": "local: on a platform of their own; any other: against what is deployed to that environment.",
        "only": "Only tests whose names match this expression, such as 'queue and not large'.",
        "smoke": "Only the tests that leave nothing behind.",
        "workers": "How many tests run side by side (default: seven for each core, two with --smoke).",
        "repeat": "Run them this many times on the one platform, to find tests that fail now and then.",
        "keep": "Leave the platform running, and print how to look at it and how to stop it.",
        "yes": "Do not ask before test records are written to an environment that is not local.",
    }
)
def e2e(
    c: Context,
    env: str = "local",
    only: str = "",
    smoke: bool = False,
    workers: str = "auto",
    repeat: str = "1",
    keep: bool = False,
    yes: bool = False,
) -> None:
    """Run the end-to-end tests on a platform of their own; write a report, JUnit XML and the release's evidence."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.testing import e2e as end_to_end

        request = end_to_end.make_request(env, only, smoke, workers, repeat, keep, yes)
        end_to_end.print_result(end_to_end.e2e(settings, request, Steps()))


@task(help={"json": "Print one machine-readable object."})
def audit(c: Context, json: bool = False) -> None:
    """Look up all that the locks pin among known vulnerabilities (OSV); exit code 2 where there are any."""
    with command():
        from stockroom.audit import command as auditing
        from stockroom.audit.osv import Osv

        sys.exit(auditing.print_audit(auditing.audit(Osv()), json))


@task
def lint(c: Context) -> None:
    """Run all static checks: ruff, mypy, Terraform's own, and checkov over the code and over the plans."""
    with command() as settings:
        from stockroom.testing.checks import STATIC, run_checks

        run_checks(settings, ",".join(STATIC))


@task(
    help={
        "only": "Some of: lint, types, terraform, policies, unit, e2e, and what else has a folder in tests/ (commas "
        "between). promotions and wheel take long and are run only when they are named.",
    }
)
def test(c: Context, only: str = "") -> None:
    """Run all tests: lint, types, Terraform, unit, and end to end on platforms of their own."""
    with command() as settings:
        from stockroom.testing.checks import run_checks

        run_checks(settings, only)
