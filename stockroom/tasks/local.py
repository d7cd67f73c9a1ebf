"""The local platform: up, down, and what runs."""

from __future__ import annotations

import sys

from invoke import Context, task

from stockroom.tasks.command import command


@task(
    help={
        "stack": "Only this stack and what it needs (repeatable; default: STOCKROOM_STACKS, then stockroom.toml).",
        "seed": "Load the sample data; --no-seed leaves the platform empty.",
        "dataset": "Load this file instead of the sample.",
        "date-order": "mdy or dmy, for a file whose dates do not tell.",
        "duplicates": "keep or drop rows of the file that are repeated to the letter.",
        "snapshot": "Begin with a snapshot and save one; --no-snapshot does neither.",
    },
    iterable=["stack"],
)
def infra_up(
    c: Context,
    stack: list[str],
    seed: bool = True,
    dataset: str = "",
    date_order: str = "",
    duplicates: str = "keep",
    snapshot: bool = True,
) -> None:
    """Bring the local platform up: engine, bundles, bootstrap, apply, seed. Run again, it repairs what is missing."""
    with command() as settings:
        from stockroom.local import show as report
        from stockroom.local import up
        from stockroom.local.request import make_request

        request = make_request(settings, stack, seed, dataset, date_order, duplicates, snapshot)
        report.print_summary(up.infra_up(settings, request, report.Steps()))


@task(
    help={
        "stack": "Destroy only this stack, and leave the others running (repeatable).",
        "keep-state": "Keep data, logs and Terraform's working directory; the next infra-up goes on with them.",
    },
    iterable=["stack"],
)
def infra_down(c: Context, stack: list[str], keep_state: bool = False) -> None:
    """Stop the local platform and everything that it started, or remove some of its stacks."""
    with command() as settings:
        from stockroom.errors import StockroomError
        from stockroom.local import show as report
        from stockroom.local.down import infra_down as take_down
        from stockroom.local.removal import remove_stacks

        if stack and keep_state:
            raise StockroomError("--stack and --keep-state contradict each other", "leave one of them out")
        if stack:
            remove_stacks(settings, stack, report.Steps())
        else:
            take_down(settings, keep_state, report.Steps())


@task(help={"json": "Print one machine-readable object."})
def infra_status(c: Context, json: bool = False) -> None:
    """Show what runs, which release, what is deployed, and how many records are where."""
    with command() as settings:
        from stockroom.local import show as report
        from stockroom.local import status

        report.print_status(status.read_status(settings), json)


@task(help={"follow": "Go on with new lines until Ctrl-C.", "lines": "How many of the last lines to show."})
def logs(c: Context, follow: bool = False, lines: str = "50") -> None:
    """Show the engine's log."""
    with command() as settings:
        from stockroom.console import visible
        from stockroom.engines import make_engine
        from stockroom.errors import StockroomError

        if not lines.isdecimal():
            raise StockroomError(f"--lines {lines}: not a number", "give how many of the last lines to show")
        for line in make_engine(settings).log_lines(follow, int(lines)):
            print(visible(line), flush=follow)
        sys.stdout.flush()


@task(help={"json": "Print one machine-readable object."})
def doctor(c: Context, json: bool = False) -> None:
    """Check every prerequisite and say how to mend each."""
    with command() as settings:
        from stockroom.local import show as report
        from stockroom.local.doctor import examine

        sys.exit(report.print_findings(examine(settings), json))


@task(help={"yes": "Do not ask."})
def clean(c: Context, yes: bool = False) -> None:
    """Show what nothing uses any more (installations, caches, runs, snapshots), and remove it after asking."""
    with command() as settings:
        from stockroom.cleaning.command import clean as clean_up
        from stockroom.console import Steps

        clean_up(settings, yes, Steps())


@task
def env(c: Context) -> None:
    """Print `export` lines: after eval "$(invoke env)" the shell, awslocal and any SDK talk to the local platform."""
    with command() as settings:
        from stockroom.environments import LOCAL, read_environment, shell_lines

        print("\n".join(shell_lines(settings.local_endpoint, read_environment(LOCAL).region)))


@task
def reset(c: Context) -> None:
    """Put the running platform back to where the last infra-up left it, without a restart."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.local import snapshot_commands as commands

        commands.reset(settings, Steps())


@task
def setup_terraform(c: Context) -> None:
    """Download the pinned Terraform into .stockroom/bin and check it against its SHA-256."""
    with command():
        from stockroom.terraform.download import setup_terraform as setup

        setup(print)
