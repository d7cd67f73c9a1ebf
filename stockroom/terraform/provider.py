"""One process of the AWS provider for all that one Terraform command asks of it.

Left to itself, Terraform starts the provider three times for an apply, for its schema, the plan and the changes, which
takes seconds each time, and first reads its 700 MB to compare them with the lock file, as `init` has done. So the
toolkit starts the provider, as those who develop one do, and Terraform attaches to it:
https://developer.hashicorp.com/terraform/plugin/debugging
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from stockroom.project import HOME
from stockroom.toolkit import IMPORTED_FROM

ANSWERS_DIR = HOME / "terraform-provider"

_VARIABLE = re.compile(r"TF_REATTACH_PROVIDERS='(?P<value>[^']*)'")
_END_SECONDS = 10
# Run like this, it writes a line of all that it does for each resource that it knows.
_QUIET = dict.fromkeys(
    ("TF_LOG_PROVIDER_AWS", *(f"TF_LOG_SDK{part}" for part in ("", "_FRAMEWORK", "_HELPER_SCHEMA", "_MUX", "_PROTO"))),
    "OFF",
)


@dataclass(frozen=True)
class Attachment:
    """The variables that let Terraform attach to a provider; without any, Terraform starts it itself.

    `gate` is the provider's standard input, at whose end it begins with changes.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    gate: IO[str] | None = None

    @property
    def holds_changes(self) -> bool:
        """Whether changes wait until they may begin."""
        return self.gate is not None and not self.gate.closed

    def begin(self) -> None:
        if self.gate:
            self.gate.close()


@contextmanager
def running_provider(
    program: Path | None,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    types: Set[str],
    kept: Path = ANSWERS_DIR,
) -> Iterator[Attachment]:
    """The provider, which runs in the folder with exactly this environment, and holds changes until they may begin.

    Where there are `types`, it knows no others. There are no variables where there is no program, or it does not start:
    Terraform then does so itself, or tells why it can't.
    """
    if program is None:
        yield Attachment()
        return
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "stockroom.terraform.provider_memory", program, folder, kept, *sorted(types)],
            cwd=IMPORTED_FROM,
            env={**_QUIET, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # a Ctrl-C is for us, and for Terraform to end with it
        )
    try:
        assert process.stdout
        value = parse_reattach(process.stdout)
        yield Attachment({"TF_REATTACH_PROVIDERS": value}, process.stdin) if value else Attachment()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def parse_reattach(lines: Iterator[str]) -> str | None:
    """How to attach to a provider, from the first of its lines that tells it; None when there is none."""
    found = (_VARIABLE.search(line) for line in lines)
    return next((match["value"] for match in found if match), None)
