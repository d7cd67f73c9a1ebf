"""Data in a platform: loading it, dead letters, secrets."""

from __future__ import annotations

from invoke import Context, task

from stockroom.tasks.command import command


@task(
    help={
        "dataset": "Load this file instead of the sample.",
        "date-order": "mdy or dmy, for a file whose dates do not tell.",
        "duplicates": "keep or drop rows of the file that are repeated to the letter.",
        "stack": "Only the data of this stack (repeatable; default: STOCKROOM_STACKS, then stockroom.toml).",
    },
    iterable=["stack"],
)
def seed(c: Context, stack: list[str], dataset: str = "", date_order: str = "", duplicates: str = "keep") -> None:
    """Load data into the running platform. Twice does not double anything."""
    with command() as settings:
        from stockroom.local import show as report
        from stockroom.local import up
        from stockroom.local.request import make_request

        request = make_request(settings, stack, True, dataset, date_order, duplicates)
        report.print_seeded(up.seed(settings, request, report.Steps()))


@task(
    help={
        "queue": "What the dead-letter queue is for, by its short name (or STACK/NAME).",
        "env": "The environment that it is in.",
        "list": "Only show what is in it.",
    },
)
def redrive(c: Context, queue: str, env: str = "local", list: bool = False) -> None:
    """Hand over once more what is in a dead-letter queue, after its cause is mended."""
    with command() as settings:
        from stockroom.console import Steps, out
        from stockroom.local import running
        from stockroom.redrive import command as dead_letters

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
    with command() as settings:
        from stockroom.console import out
        from stockroom.deployed import secrets as values
        from stockroom.deployed.outputs import labelled
        from stockroom.local import running

        change = values.make_change(generate, put, from_file)
        environment, session = running.environment_session(settings, env)
        outputs = running.deployed_outputs(environment, session)
        if change:
            out.print(values.change_value(session, outputs, change))
        else:
            out.print(values.secret_table(values.read_secrets(session, labelled(outputs, "secret_arns"))))
