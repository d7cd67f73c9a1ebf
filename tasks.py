"""Every task of Stockroom: `invoke --list` shows them, `invoke --help TASK` explains one.

A task is a few lines that call stockroom/; nothing is imported before it is needed, so that starting is quick.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from invoke import Collection, Context, task

if TYPE_CHECKING:
    from stockroom.settings import Settings

INTERRUPTED = 130

# Python looks for garbage once more when it ends: a tenth of a second for what the system takes back anyway.
atexit.register(gc.freeze)


@contextlib.contextmanager
def command() -> Iterator[Settings]:
    """The settings; a user's mistake ends as one clear line and exit code 1, Ctrl-C as a clean stop."""
    from stockroom.errors import explain

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        from stockroom.project import HOME
        from stockroom.settings import read_settings
        from stockroom.system.files import PRIVATE_UMASK, close_to_others

        os.umask(PRIVATE_UMASK)
        settings = read_settings()
        for folder in (HOME, settings.run_dir, settings.snapshots_dir):
            close_to_others(folder)
        yield settings
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to go on", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Of `invoke logs | head`: nobody reads on. Python would try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        explained = explain(error)
        if explained is None:
            raise
        from stockroom.console import print_error

        print_error(explained)
        sys.exit(1)


@task(
    help={
        "stack": "Only this stack and what it needs (default: all).",
        "seed": "Load the sample data; --no-seed leaves the platform empty.",
        "dataset": "Load this CSV file (UCI Online Retail) instead of the sample.",
        "date-order": "mdy or dmy, for a file whose dates do not tell.",
        "duplicates": "keep or drop rows of the file that are repeated to the letter.",
        "snapshot": "Begin with a snapshot and save one; --no-snapshot does neither.",
    }
)
def infra_up(
    c: Context,
    stack: str = "",
    seed: bool = True,
    dataset: str = "",
    date_order: str = "",
    duplicates: str = "keep",
    snapshot: bool = True,
) -> None:
    """Bring the local platform up: engine, bundles, bootstrap, apply, seed. Run again, it repairs what is missing."""
    from stockroom.local import show as report
    from stockroom.local import up as infra

    with command() as settings:
        request = infra.make_request(settings, stack, seed, dataset, date_order, duplicates, snapshot)
        report.print_summary(infra.infra_up(settings, request, report.Steps()))


@task(help={"keep-state": "Keep data, logs and Terraform's working directory; the next infra-up goes on with them."})
def infra_down(c: Context, keep_state: bool = False) -> None:
    """Stop the local platform and everything that it started."""
    from stockroom.local import show as report
    from stockroom.local.down import infra_down as take_down

    with command() as settings:
        take_down(settings, keep_state, report.Steps())


@task(help={"json": "Print one machine-readable object."})
def infra_status(c: Context, json: bool = False) -> None:
    """Show what runs, which release, what is deployed, and how many records are where."""
    from stockroom.local import show as report
    from stockroom.local import status

    with command() as settings:
        report.print_status(status.read_status(settings), json)


@task(
    help={
        "dataset": "Load this CSV file (UCI Online Retail) instead of the sample.",
        "date-order": "mdy or dmy, for a file whose dates do not tell.",
        "duplicates": "keep or drop rows of the file that are repeated to the letter.",
    }
)
def seed(c: Context, dataset: str = "", date_order: str = "", duplicates: str = "keep") -> None:
    """Load retail data into DynamoDB, SQS, Kinesis and S3 of the running platform. Twice does not double anything."""
    from stockroom.local import show as report
    from stockroom.local import up as infra

    with command() as settings:
        request = infra.make_request(settings, infra.SEEDED_STACK, True, dataset, date_order, duplicates)
        report.print_seeded(infra.seed(settings, request, report.Steps()))


@task(
    help={
        "day": "Only this day, such as 2010-12-01.",
        "since": "From this day on.",
        "until": "Up to and with this day.",
        "by": "country, store or product.",
        "top": "Only so many one by one, by revenue; the others together (default: all; 20 products).",
        "output": "Also write a picture (FILE.png) or a page with picture and table (FILE.html).",
        "json": "Print one machine-readable object.",
        "env": "The environment to report on.",
        "wait": "Wait while seeded events are on their way; --no-wait reports on what is there.",
    }
)
def report(
    c: Context,
    day: str = "",
    since: str = "",
    until: str = "",
    by: str = "country",
    top: str = "",
    output: str = "",
    json: bool = False,
    env: str = "local",
    wait: bool = True,
) -> None:
    """Show what was sold and returned, per day and country, store or product."""
    from seed.sales_report.request import make_request

    with command() as settings:
        request = make_request(day, since, until, by, top, output)
        from seed.sales_report.command import report_sales

        report_sales(settings, env, request, wait, json)


@task(help={"follow": "Go on with new lines until Ctrl-C.", "lines": "How many of the last lines to show."})
def logs(c: Context, follow: bool = False, lines: str = "50") -> None:
    """Show the engine's log."""
    from stockroom.console import visible
    from stockroom.engines import make_engine
    from stockroom.errors import StockroomError

    with command() as settings:
        if not lines.isdecimal():
            raise StockroomError(f"--lines {lines}: not a number", "give how many of the last lines to show")
        for line in make_engine(settings).log_lines(follow, int(lines)):
            print(visible(line), flush=follow)
        sys.stdout.flush()


@task(help={"json": "Print one machine-readable object."})
def doctor(c: Context, json: bool = False) -> None:
    """Check every prerequisite and say how to mend each."""
    from stockroom.local import show as report
    from stockroom.local.doctor import examine

    with command() as settings:
        sys.exit(report.print_findings(examine(settings), json))


@task
def env(c: Context) -> None:
    """Print `export` lines: after eval "$(invoke env)" the shell, awslocal and any SDK talk to the local platform."""
    from stockroom.environments import LOCAL, read_environment, shell_lines

    with command() as settings:
        print("\n".join(shell_lines(settings.local_endpoint, read_environment(LOCAL).region)))


_REHEARSE = "In the account that the local engine plays: the same, but for the endpoint."


@task(
    help={"env": "The environment whose state bucket, lock table and artifact bucket to make.", "rehearse": _REHEARSE}
)
def bootstrap(c: Context, env: str = "local", rehearse: bool = False) -> None:
    """Make what Terraform needs before it can run: state bucket, lock table, artifact bucket."""
    from stockroom.local import running
    from stockroom.local import show as report

    with command() as settings:
        if rehearse:
            from stockroom.promotion.commands import bootstrap_account

            bootstrap_account(settings, env, rehearse, report.Steps())
        else:
            running.bootstrap_environment(settings, env, report.Steps())


_PROMOTING = {
    "env": "The environment to promote to.",
    "approve": "Apply exactly the plan with this digest, which `invoke plan` printed; nobody is asked.",
    "allow-destroy": "Address of something that holds data and may be destroyed or replaced (repeatable).",
    "accept-drift": "Go on although the account differs from its last release; the plan puts it back.",
    "during-freeze": "Go on in a freeze, for this reason, which the ledger keeps.",
    "rehearse": _REHEARSE,
}


@task(help=_PROMOTING, positional=["env"], iterable=["allow_destroy"])
def promote(
    c: Context,
    env: str,
    allow_destroy: list[str],
    approve: str = "",
    accept_drift: bool = False,
    during_freeze: str = "",
    rehearse: bool = False,
) -> None:
    """Take the release of this commit to an environment's account, unchanged.

    1. Gates, all looked at before anything is touched: no freeze, clean work tree, commit pushed to the environment's
       branch, evidence of `invoke e2e` for exactly this release (signed and recent), the environment before runs this
       release, credentials of the account, clock, state backend, no other promotion, no drift.
    2. Plan by plain Terraform, with what loses data refused unless it is named in --allow-destroy; checkov on the plan.
    3. Approval: type the environment's name, or give --approve DIGEST of `invoke plan`.
    4. Apply of exactly that plan. 5. Smoke tests. 6. Functions shift to their new versions. 7. An entry in the ledger.

    Stopped at any point, the same command goes on. docs/promotion.md shows it on one page.
    """
    _promote("promotion", env, rehearse, approve, allow_destroy, accept_drift, during_freeze)


@task(help=_PROMOTING, positional=["env"], iterable=["allow_destroy"])
def rollback(
    c: Context,
    env: str,
    allow_destroy: list[str],
    approve: str = "",
    accept_drift: bool = False,
    during_freeze: str = "",
    rehearse: bool = False,
) -> None:
    """Promote the release that the environment ran before, through the same gates; its bundles are still there."""
    _promote("rollback", env, rehearse, approve, allow_destroy, accept_drift, during_freeze)


def _promote(kind: Literal["promotion", "rollback"], env: str, *words: Any) -> None:
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.promote import print_promoted, promote
        from stockroom.promotion.request import make_request

        request, rules = make_request(env, kind, *words)
        print_promoted(promote(settings, request, rules, Steps()))


@task(
    help={
        "env": "The environment to plan for.",
        "output": "File that gets the summary as Markdown, for a pull request's comment.",
        "rollback": "Plan `invoke rollback` instead of `invoke promote`.",
        "rehearse": _REHEARSE,
    }
)
def plan(c: Context, env: str, output: str = "", rollback: bool = False, rehearse: bool = False) -> None:
    """Show what a promotion would change, and the digest to approve it by; changes nothing."""
    with command() as settings:
        from pathlib import Path

        from stockroom.console import Steps
        from stockroom.promotion.commands import plan as make_plan
        from stockroom.promotion.request import make_request

        request, rules = make_request(env, "rollback" if rollback else "promotion", rehearse)
        make_plan(settings, request, rules, Path(output) if output else None, Steps())


@task(help={"env": "The environment to look at.", "all": "All environments.", "rehearse": _REHEARSE})
def drift(c: Context, env: str = "", all: bool = False, rehearse: bool = False) -> None:
    """Compare an account with the release that was promoted to it last; exit code 2 where they differ."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.commands import find_drift, wanted_environments

        sys.exit(find_drift(settings, wanted_environments(env, all), rehearse, Steps()))


@task(
    help={
        "env": "The environment to look at.",
        "all": "All environments.",
        "json": "Print JSON, for scripts.",
        "rehearse": _REHEARSE,
    }
)
def status(c: Context, env: str = "", all: bool = False, json: bool = False, rehearse: bool = False) -> None:
    """Show which release runs in which environment, as the ledgers tell."""
    with command() as settings:
        from stockroom.promotion.commands import print_runs, read_runs, wanted_environments

        print_runs(read_runs(settings, wanted_environments(env, all), rehearse), json)


@task(help={"env": "The environment to look at.", "json": "Print JSON, for scripts.", "rehearse": _REHEARSE})
def history(c: Context, env: str, json: bool = False, rehearse: bool = False) -> None:
    """Show what was promoted to an environment: when, by whom, which release and plan, and what came of it."""
    with command() as settings:
        from stockroom.promotion.commands import print_history

        print_history(settings, env, rehearse, json)


@task(help={"json": "Print JSON, for scripts."})
def release(c: Context, json: bool = False) -> None:
    """Show the release that this work tree is: its digest, and the evidence that it passed the end-to-end tests."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.commands import print_release

        print_release(settings, json, Steps(quiet=json))


@task
def rehearse(c: Context) -> None:
    """Take the release of this commit from dev to prod and back, in accounts that an engine of its own plays.

    Tests it first, and a release before it, to have one to go back to; about fifteen minutes.
    """
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.promotion.rehearsal import rehearse as rehearse_path

        folder = rehearse_path(settings, Steps())
        print(f"\nrehearsed; what every command printed is in {folder / 'logs'}")


@task(
    help={
        "env": "The environment whose lock to release.",
        "promotion": "Id of the promotion that holds it, as the refused command names it.",
        "rehearse": _REHEARSE,
    }
)
def unlock(c: Context, env: str, promotion: str, rehearse: bool = False) -> None:
    """Release the lock of a promotion that was killed on another machine, once nobody works on it any more."""
    with command() as settings:
        from stockroom.promotion.commands import unlock as release_lock

        release_lock(settings, env, promotion, rehearse)


@task(
    help={
        "queue": "What the dead-letter queue is for: orders, raw-objects, … (or STACK/NAME).",
        "env": "The environment that it is in.",
        "list": "Only show what is in it.",
    },
)
def redrive(c: Context, queue: str, env: str = "local", list: bool = False) -> None:
    """Hand over once more what is in a dead-letter queue, after its cause is mended."""
    from stockroom.console import Steps, out
    from stockroom.local import running
    from stockroom.redrive import command as dead_letters

    with command() as settings:
        environment, session = running.environment_session(settings, env)
        outputs = running.deployed_outputs(environment, session)
        if list:
            out.print(dead_letters.list_letters(session, outputs, queue))
        else:
            out.print(dead_letters.redrive(session, outputs, queue, Steps()))


@task(
    help={
        "env": "The environment whose secrets these are.",
        "generate": "Give this secret a random value, if it has none.",
        "put": "Give this secret the value that --from-file names, whether it has one or not.",
        "from-file": "File that holds the value, or - for standard input.",
    }
)
def secrets(c: Context, env: str = "local", generate: str = "", put: str = "", from_file: str = "") -> None:
    """Show which secrets have a value, or give one a value. Values are never shown."""
    from stockroom.console import out
    from stockroom.deployed import secrets as values
    from stockroom.deployed.outputs import labelled
    from stockroom.local import running

    with command() as settings:
        change = values.make_change(generate, put, from_file)
        environment, session = running.environment_session(settings, env)
        outputs = running.deployed_outputs(environment, session)
        if change:
            out.print(values.change_value(session, outputs, change))
        else:
            out.print(values.secret_table(values.read_secrets(session, labelled(outputs, "secret_arns"))))


@task
def reset(c: Context) -> None:
    """Put the running platform back to where the last infra-up left it, without a restart."""
    from stockroom.console import Steps
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        commands.reset(settings, Steps())


@task(name="save")
def snapshot_save(c: Context, name: str) -> None:
    """Save the running platform, with all of its data, under a name."""
    from stockroom.console import Steps
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        commands.save(settings, name, Steps())


@task(name="load")
def snapshot_load(c: Context, name: str) -> None:
    """Put the platform to what was saved under a name; starts it where it does not run."""
    from stockroom.console import Steps
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        commands.load(settings, name, Steps())


@task(name="list")
def snapshot_list(c: Context) -> None:
    """Show all snapshots of this checkout, and whether they can be used."""
    from stockroom.console import Steps, out
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        out.print(commands.table(settings, Steps()))


@task(name="delete")
def snapshot_delete(c: Context, name: str) -> None:
    """Delete a snapshot by its name, or by the begin of its key."""
    from stockroom.console import Steps
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        commands.delete(settings, name, Steps())


@task(name="export", help={"name": "Which one, by its name or the begin of its key (default: the one used last)."})
def snapshot_export(c: Context, file: str, name: str = "") -> None:
    """Write a snapshot to a file, to be taken elsewhere with snapshot.import."""
    from stockroom.console import Steps
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        commands.export(settings, file, name, Steps())


@task(name="import")
def snapshot_import(c: Context, file: str) -> None:
    """Take a snapshot from a file, if it was signed with a key of this machine or STOCKROOM_SNAPSHOT_KEY."""
    from stockroom.console import Steps
    from stockroom.local import snapshot_commands as commands

    with command() as settings:
        commands.import_(settings, file, Steps())


@task
def setup_terraform(c: Context) -> None:
    """Download the pinned Terraform into .stockroom/bin and check it against its SHA-256."""
    from stockroom.terraform.download import setup_terraform as setup

    with command():
        setup(print)


@task(
    help={
        "env": "local: on a platform of their own; any other: against what is deployed to that environment.",
        "only": "Only tests whose names match this expression, such as 'orders and not large'.",
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
    from stockroom.console import Steps
    from stockroom.testing import e2e as end_to_end

    with command() as settings:
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
    from stockroom.testing.checks import STATIC, run_checks

    with command() as settings:
        run_checks(settings, ",".join(STATIC))


@task(
    help={
        "only": "Some of: lint, types, terraform, policies, unit, e2e, emulator, platforms, promotions (commas "
        "between). promotions takes half an hour and is run only when it is named.",
    }
)
def test(c: Context, only: str = "") -> None:
    """Run all tests: lint, types, Terraform, unit, and end to end on platforms of their own."""
    from stockroom.testing.checks import run_checks

    with command() as settings:
        run_checks(settings, only)


@task(
    help={
        "only": "Some of: start, chain, memory, latency, seeding, throughput, e2e (commas between).",
        "quick": "Fewer records and repetitions, and nothing of a million events.",
        "against": "Compare throughput with this older commit, on an emulator of its own.",
        "output": "Folder for results.json, .md and .png (default: .stockroom/bench/<start>).",
    }
)
def bench(c: Context, only: str = "", quick: bool = False, against: str = "", output: str = "") -> None:
    """Measure the toolkit on platforms of its own, beside doing the same by hand: every figure a ratio of one run."""
    from stockroom.console import Steps

    with command() as settings:
        from benchmarks.command import make_request, run_benchmarks

        run_benchmarks(settings, make_request(only, quick, against, output), Steps())


namespace = Collection(
    infra_up,
    infra_down,
    infra_status,
    seed,
    report,
    logs,
    doctor,
    env,
    bootstrap,
    promote,
    rollback,
    plan,
    drift,
    status,
    history,
    release,
    rehearse,
    unlock,
    secrets,
    redrive,
    reset,
    setup_terraform,
    e2e,
    audit,
    lint,
    test,
    bench,
)
namespace.add_collection(
    Collection(
        "snapshot",
        snapshot_save,
        snapshot_load,
        snapshot_list,
        snapshot_delete,
        snapshot_export,
        snapshot_import,
    )
)
