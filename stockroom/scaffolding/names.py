"""What a project, a stack, a function and a module may be called."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata

from stockroom.errors import StockroomError

_PROJECT = re.compile(r"[a-z][a-z0-9-]{1,19}")
_SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z][a-z0-9]*)*")

# The names of AWS resources are made of project, environment, stack and function, and have at most 64 characters.
_LONGEST = {"stack": 16, "function": 20, "module": 40}

# Folders beside the functions of a stack that are none.
_TAKEN_FUNCTIONS = frozenset({"layers"})


def check_project_name(name: str) -> str:
    """Raises StockroomError for what can't begin the names of AWS resources."""
    if not _PROJECT.fullmatch(name):
        raise StockroomError(
            f"'{name}' can't be the name of a project",
            "give one with --name: 2 to 20 small letters, digits or hyphens, beginning with a letter",
        )
    return name


def project_name_of(folder: str) -> str:
    """A project's name from that of its folder, such as "my-house-e" of "My House é"; it may be no good one."""
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:20].rstrip("-")


def check_name(kind: str, name: str) -> str:
    """The name of a "stack", a "function" or a "module". Raises StockroomError for one that can't be used."""
    longest = _LONGEST[kind]
    if not _SNAKE.fullmatch(name) or not 2 <= len(name) <= longest:
        raise StockroomError(
            f"'{name}' can't be the name of a {kind}",
            f"2 to {longest} small letters and digits, in words with _ between them that begin with a letter",
        )
    if kind == "function" and (name in _TAKEN_FUNCTIONS or _means_something_else(name)):
        raise StockroomError(f"'{name}' can't be the name of a function: Python has another use for it", "add a word")
    if kind == "stack" and keyword.iskeyword(name):
        raise StockroomError(f"'{name}' can't be the name of a stack: Python has another use for it", "add a word")
    return name


def _means_something_else(name: str) -> bool:
    """Whether a file of that name could not be imported, or would be in place of another module."""
    return keyword.iskeyword(name) or name in sys.stdlib_module_names or name in {"boto3", "botocore"}
