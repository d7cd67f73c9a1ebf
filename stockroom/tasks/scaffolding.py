"""Skeletons of projects, stacks, functions and modules."""

from __future__ import annotations

from invoke import Collection, Context, task

from stockroom.tasks.command import anywhere


@task(
    name="project",
    positional=["folder"],
    help={"folder": "A folder that is new or empty.", "name": "Name of the project (default: from the folder's name)."},
)
def new_project(c: Context, folder: str, name: str = "") -> None:
    """Make a project: environments, modules, settings and tests, for stacks to be added to."""
    with anywhere():
        import shlex

        from stockroom.scaffolding import commands

        path, called = commands.new_project(folder, name)
        print(f"made the project {called} in {path}\nnext: cd {shlex.quote(str(path))} && invoke new.stack NAME")


@task(name="stack", positional=["name"], help={"name": "Such as ledger, or mail_room."})
def new_stack(c: Context, name: str) -> None:
    """Make a stack: a function behind a queue, a table, variables for every environment, and tests."""
    with anywhere():
        from stockroom.scaffolding import commands

        _print_written(commands.new_stack(name))
        print("next: invoke infra-up, then invoke e2e")


@task(name="function", positional=["stack", "name"], help={"stack": "The stack that it is for.", "name": "Its name."})
def new_function(c: Context, stack: str, name: str) -> None:
    """Make a function of a stack, with unit test and end-to-end test."""
    with anywhere():
        from stockroom.scaffolding import commands

        written, deployed = commands.new_function(stack, name)
        _print_written(written)
        if deployed:
            print("next: invoke infra-up, then invoke e2e")
        else:
            print(f"next: deploy var.bundles[{name!r}] in terraform/stacks/{stack}, with a queue that the tests find")


@task(name="module", positional=["name"], help={"name": "Such as topic."})
def new_module(c: Context, name: str) -> None:
    """Make a Terraform module with a test."""
    with anywhere():
        from stockroom.scaffolding import commands

        _print_written(commands.new_module(name))
        print("next: invoke test --only terraform")


def _print_written(names: list[str]) -> None:
    print("\n".join(f"wrote {name}" for name in names))


new = Collection("new", new_project, new_stack, new_function, new_module)
