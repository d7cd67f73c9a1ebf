"""Saving the running platform under a name, and going back."""

from __future__ import annotations

from invoke import Collection, Context, task

from stockroom.tasks.command import command


@task(name="save")
def snapshot_save(c: Context, name: str) -> None:
    """Save the running platform, with all of its data, under a name."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.local import snapshot_commands as commands

        commands.save(settings, name, Steps())


@task(name="load")
def snapshot_load(c: Context, name: str) -> None:
    """Put the platform to what was saved under a name; starts it where it does not run."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.local import snapshot_commands as commands

        commands.load(settings, name, Steps())


@task(name="list")
def snapshot_list(c: Context) -> None:
    """Show all snapshots of this checkout, and whether they can be used."""
    with command() as settings:
        from stockroom.console import Steps, out
        from stockroom.local import snapshot_commands as commands

        out.print(commands.table(settings, Steps()))


@task(name="delete")
def snapshot_delete(c: Context, name: str) -> None:
    """Delete a snapshot by its name, or by the begin of its key."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.local import snapshot_commands as commands

        commands.delete(settings, name, Steps())


@task(name="export", help={"name": "Which one, by its name or the begin of its key (default: the one used last)."})
def snapshot_export(c: Context, file: str, name: str = "") -> None:
    """Write a snapshot to a file, to be taken elsewhere with snapshot.import."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.local import snapshot_commands as commands

        commands.export(settings, file, name, Steps())


@task(name="import")
def snapshot_import(c: Context, file: str) -> None:
    """Take a snapshot from a file, if it was signed with a key of this machine or STOCKROOM_SNAPSHOT_KEY."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.local import snapshot_commands as commands

        commands.import_(settings, file, Steps())


snapshot = Collection(
    "snapshot",
    snapshot_save,
    snapshot_load,
    snapshot_list,
    snapshot_delete,
    snapshot_export,
    snapshot_import,
)
