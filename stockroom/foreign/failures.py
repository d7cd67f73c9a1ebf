"""What Terraform says when a foreign folder does not run, as one line and what to do next. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from stockroom.errors import StockroomError
from stockroom.terraform.process import ResourceExistsError

_FRAME = re.compile(r"\x1b\[[0-9;]*m|[│╷╵]")


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    message: Callable[[re.Match[str]], str]
    hint: str


def _known(pattern: str, message: Callable[[re.Match[str]], str], hint: str) -> _Known:
    return _Known(re.compile(pattern), message, hint)


_KNOWN = (
    _known(
        r"Unsupported Terraform Core version.*?does not support Terraform version (\S+?)\. ",
        lambda found: f"its required_version excludes {found[1]}, the Terraform that is used here",
        "name another one in STOCKROOM_TERRAFORM, or change required_version",
    ),
    _known(
        r"Failed to query available provider packages Could not retrieve the list of available versions for provider"
        r" (\S+?): (.*?)(?: To see which| If you have| Error:|$)",
        lambda found: f"the provider {found[1]} can't be had as it is asked for: {found[2]}",
        "let the machine reach the registry, name a mirror that has it in STOCKROOM_PROVIDER_MIRROR, or ask for "
        "another version in required_providers and .terraform.lock.hcl",
    ),
    _known(
        r"Failed to install provider Error while installing (\S+) (\S+?): (.*?)(?: Error:|$)",
        lambda found: f"the provider {found[1]} {found[2]} can't be installed: {found[3]}",
        "let the machine reach the registry, or name a mirror that has it in STOCKROOM_PROVIDER_MIRROR",
    ),
    _known(
        r"(?:Failed to download module|Could not download module|Error accessing remote module registry"
        r"|Module not found) (.*?)(?: Error:|$)",
        lambda found: f"a module can't be had: {found[1]}",
        "let the machine reach where the module is, or name a folder as its source",
    ),
    _known(
        r'No value for required variable.*?(?:variable "([^"]+)"|root module input variable "([^"]+)")',
        lambda found: f'the variable "{found[1] or found[2]}" has no value',
        "give it with --var NAME=VALUE or --var-file FILE",
    ),
    _known(
        r"Error acquiring the state lock.*?ID:\s+(\S+)",
        lambda found: f"its state is locked ({found[1]})",
        "somebody else works on it; when that has ended, run the command again",
    ),
    _known(
        r"BucketNotEmpty",
        lambda _: "a bucket that is to be deleted still has objects in it",
        "empty it with `awslocal s3 rm --recursive s3://BUCKET`, or set its force_destroy, then run the command again",
    ),
)


_FIRST_ERROR = re.compile(r"^(?:Error: |\S+: )(.+?)$", re.MULTILINE)
_LONGEST = 240

_EXISTS_HINT = (
    "the folder's state does not know what is there, perhaps since a run was killed: delete it with awslocal, or start "
    "afresh with `invoke infra-down`, which takes all that the emulator holds"
)


def explain(error: StockroomError, folder: str, command: str) -> StockroomError:
    """An error of Terraform, told in the words of somebody who brought up a folder; `details` stay as they are."""
    plain = _FRAME.sub(" ", error.details or "")
    text = " ".join(plain.split())
    for known in _KNOWN:
        if found := known.pattern.search(text):
            error.message, error.hint = f"{folder}: {known.message(found)}", known.hint
            return error
    first = _FIRST_ERROR.search("\n".join(line.strip() for line in plain.splitlines()))
    error.message = f"{folder}: terraform {command} failed{f': {first[1][:_LONGEST]}' if first else ''}"
    if isinstance(error, ResourceExistsError):
        error.hint = _EXISTS_HINT
    return error
