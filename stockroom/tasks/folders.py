"""Terraform folders that know nothing of Stockroom, on the local platform."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from invoke import Context, task

from stockroom.tasks.command import command

if TYPE_CHECKING:
    from stockroom.settings import Settings

OPTIONS = {
    "workspace": "Its workspace, made where there is none (default: the one that is selected in the folder).",
    "var": "NAME=VALUE of a variable (repeatable); what the last `up` was given holds until something is given again.",
    "var-file": "File with values of variables (repeatable).",
    "allow-provider": "A provider to let run although it reaches something that is not the platform (repeatable).",
}
LISTS = ["var", "var_file", "allow_provider"]

_HELP = {"folder": "A folder with Terraform files of any kind; nothing is written into it.", **OPTIONS}


@task(help=_HELP, iterable=LISTS)
def up(
    c: Context, folder: str, var: list[str], var_file: list[str], allow_provider: list[str], workspace: str = ""
) -> None:
    """Bring any Terraform folder up on the local platform: its own provider and modules, the platform's state."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.foreign import commands, request, show

        asked = request.make_request(settings, os.environ, folder, workspace, var, var_file, allow_provider)
        show.print_up(asked, commands.up(settings, asked, Steps()))


@task(help=_HELP, iterable=LISTS)
def down(
    c: Context, folder: str, var: list[str], var_file: list[str], allow_provider: list[str], workspace: str = ""
) -> None:
    """Destroy what `invoke up` made from a Terraform folder; the rest of the platform stays."""
    with command() as settings:
        from stockroom.console import Steps
        from stockroom.foreign import commands, request, show

        asked = request.make_request(settings, os.environ, folder, workspace, var, var_file, allow_provider, gone=True)
        show.print_down(asked, commands.down(settings, asked, Steps()))


def plan_folder(
    settings: Settings, folder: str, workspace: str, var: list[str], var_file: list[str], allow_provider: list[str]
) -> None:
    """What `invoke plan` does when it is given a folder."""
    from stockroom.console import Steps, out
    from stockroom.foreign import commands, request, show

    asked = request.make_request(settings, os.environ, folder, workspace, var, var_file, allow_provider)
    show.print_plan(asked, commands.plan(settings, asked, Steps(), out.is_terminal))
