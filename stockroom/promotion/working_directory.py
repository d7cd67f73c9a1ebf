"""A stack of a release in its working directory: plain Terraform, with the release's own code and variables."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from stockroom.environments import Environment
from stockroom.errors import StockroomError
from stockroom.processes import processes_in, stop
from stockroom.terraform import ApplyProgress, ApplyResult, ResourceExistsError, is_provider, run_terraform

# Terraform's own name for it.
UNSAVED_STATE = "errored.tfstate"

_LEFT_BEHIND_PATIENCE_SECONDS = 600


@dataclass(frozen=True)
class WorkingDirectory:
    """`release` is the folder with the release's files; `variables` is the whole environment of Terraform."""

    stack: str
    environment: Environment
    release: Path
    terraform: Path
    variables: Mapping[str, str]

    @property
    def folder(self) -> Path:
        return self.release / "terraform" / "stacks" / self.stack

    @property
    def log(self) -> Path:
        return self.release / f"{self.stack}.log"

    @property
    def _plan_file(self) -> Path:
        return self.folder / "promotion.tfplan"

    def init(self, release_variables: Mapping[str, Any]) -> None:
        """`terraform init` on the environment's state, and the release's variables beside the code."""
        text = json.dumps(release_variables, indent=2, sort_keys=True)
        (self.folder / "release.auto.tfvars.json").write_text(text)
        words = [
            f"-backend-config={self._environment_file('backend.hcl')}",
            f"-backend-config=key={self.environment.state_key(self.stack)}",
        ]
        self._run(["init", "-input=false", "-no-color", "-reconfigure", "-lockfile=readonly", *words])

    def plan(self, lock: bool = True) -> dict[str, Any]:
        """Make and save a plan; returns it as `terraform show -json` does (format version 1)."""
        locking = "-lock-timeout=30s" if lock else "-lock=false"
        self._run(["plan", "-json", "-input=false", locking, f"-out={self._plan_file}", *self._variable_words()])
        shown = subprocess.run(
            [str(self.terraform), "show", "-json", str(self._plan_file)],
            cwd=self.folder, env=dict(self.variables), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if shown.returncode:
            raise StockroomError(f"the plan of '{self.stack}' can't be read", None, shown.stderr)
        return dict(json.loads(shown.stdout))

    def apply(self, say: Callable[[str], None]) -> ApplyResult:
        """Apply exactly the saved plan. Raises ApplyFailedError, which tells how far it came."""
        progress = ApplyProgress(say)
        words = ["apply", "-json", "-input=false", "-lock-timeout=60s", "-parallelism=30", str(self._plan_file)]
        try:
            self._run(words, progress.read)
        except StockroomError as error:
            if isinstance(error, ResourceExistsError):
                error.hint = (
                    "it exists and is not in the state, most likely since Terraform was killed: take it over with "
                    f"`terraform import ADDRESS ID` in {self.folder}, or delete it, then run the command again"
                )
            raise ApplyFailedError(error, sorted(progress.result.seconds)) from None
        finally:
            # A plan is applied once, and it holds values that nobody else should read.
            self._plan_file.unlink(missing_ok=True)
        return progress.result

    def save_state(self) -> bool:
        """Write the state that Terraform left here because it could not reach its backend; returns whether it did.

        Raises StockroomError where the backend holds a newer one.
        """
        unsaved = self.folder / UNSAVED_STATE
        if not unsaved.exists():
            return False
        self._run(["state", "push", "-lock-timeout=30s", str(unsaved)])
        unsaved.unlink()
        return True

    def _variable_words(self) -> Iterator[str]:
        for name in ("environment", self.stack):
            path = self._environment_file(f"{name}.tfvars")
            if path.exists():
                yield f"-var-file={path}"

    def _environment_file(self, name: str) -> Path:
        return self.release / "terraform" / "environments" / self.environment.name / name

    def _run(self, words: list[str], read: Callable[[str], None] = lambda _: None) -> None:
        try:
            run_terraform(self.stack, self.terraform, words, self.folder, self.variables, self.log, read=read)
        except StockroomError as error:
            if "Error acquiring the state lock" in (error.details or ""):
                error.hint = f"make sure that nobody works on it, then run `terraform force-unlock ID` in {self.folder}"
            raise


class ApplyFailedError(StockroomError):
    """Terraform stopped in the middle; `touched` are the addresses that it had come to."""

    def __init__(self, error: StockroomError, touched: list[str]) -> None:
        super().__init__(error.message, error.hint, error.details)
        self.touched = touched


def wait_for_left_behind(folder: Path, note: Callable[[str], None]) -> None:
    """A Terraform whose toolkit was killed goes on alone: let it finish, so that what it makes is in its state."""
    noted = False
    deadline = monotonic() + _LEFT_BEHIND_PATIENCE_SECONDS
    while left := list(processes_in(folder)):
        finishing = [process for process in left if not is_provider(process)]
        if not finishing:
            # A provider whose Terraform was killed waits for it for ever.
            stop(left, patience=10)
        elif monotonic() > deadline:
            raise StockroomError(
                f"Terraform (process {finishing[0].pid}) of a promotion that was killed is still running",
                "wait for it to end, then run the command again",
            )
        elif not noted:
            note(f"waiting for Terraform (process {finishing[0].pid}) of a promotion that was killed to finish")
            noted = True
        with suppress(OSError):
            sleep(0.25)
