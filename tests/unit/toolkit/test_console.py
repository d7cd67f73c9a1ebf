"""What files, buckets and processes say is shown; it does nothing to the terminal."""

import io

import pytest
from rich.table import Table

from stockroom import console
from stockroom.console import SafeConsole, Steps, print_error, visible
from stockroom.deployed.terraform_state import DeployedStack, Resource
from stockroom.errors import StockroomError
from stockroom.local.status import resource_tree

EVIL = {
    "clears the screen": "a\x1b[2Jb",
    "renames the window": "a\x1b]0;root\x07b",
    "goes back to the line's begin": "a\rb",
    "takes back a character": "a\bb",
    "rings": "a\x07b",
    "commands in one byte": "a\x9b2Jb",
    "turns the text around": "a\u202eb",
    "deletes": "a\x7fb",
    "ends the text": "a\x00b",
}


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def shown(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    target = io.StringIO()
    for name in ("out", "err"):
        written = SafeConsole(
            file=target, force_terminal=request.param, color_system=None, highlight=False, emoji=False
        )
        monkeypatch.setattr(console, name, written)
    return target


def obeyed(text: str) -> str:
    """What a terminal would obey in it, but for what rich itself writes on one: colours and the cursor."""
    for own in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[?25l", "\x1b[?25h", "\x1b[2K", "\x1b[1A", "\r"):
        text = text.replace(own, "")
    return "".join(character for character in text if character not in "\n\t" and visible(character) != character)


@pytest.mark.parametrize("evil", EVIL.values(), ids=list(EVIL))
def test_nothing_commands_the_terminal(shown: io.StringIO, evil: str) -> None:
    table = Table("name")
    table.add_row(evil)
    console.out.print(evil)
    console.out.print(table)
    console.out.print(evil, markup=False, soft_wrap=True)
    Steps().note(evil)
    with Steps().step("bundles") as step:
        step.say(evil)
    print_error(StockroomError(evil, evil, evil))
    tree = resource_tree([DeployedStack("s", [Resource(f"module.{evil}.aws_x.{evil}", "aws_x", evil)], {}, None)])
    console.out.print(tree)
    assert obeyed(shown.getvalue()) == ""
    assert shown.getvalue().count("b") >= 6


@pytest.mark.parametrize("text", ["[/red]", "[/]", "[link=http://x]y[/link", "[red]x[/blue]", "[bold"])
def test_no_markup_in_what_is_shown_ends_a_command(shown: io.StringIO, text: str) -> None:
    console.out.print(text)
    table = Table(text)
    table.add_row(text)
    console.out.print(table)
    assert shown.getvalue().strip()


@pytest.mark.parametrize("name", ["[red]x[/red]", "[link=http://x]x[/link]", "[/x]", ":smile:"])
def test_names_are_shown_as_they_are(shown: io.StringIO, name: str) -> None:
    Steps().note(name)
    print_error(StockroomError(name, name))
    resource = Resource(f"aws_x.{name}", "aws_x", name)
    console.out.print(resource_tree([DeployedStack("s", [resource], {}, None)]))
    assert shown.getvalue().count(name) >= 5


def test_what_is_fine_stays(shown: io.StringIO) -> None:
    console.out.print("Größe\t1\n日本 ✓", markup=False, soft_wrap=True)
    assert "Größe" in shown.getvalue()
    assert "日本 ✓" in shown.getvalue()
    assert visible("a\tb\nc é") == "a\tb\nc é"
