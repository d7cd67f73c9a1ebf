"""A stack of a release in its working directory: plain Terraform, with the release's own code and variables."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from stockroom.environments import Environment
from stockroom.errors import StockroomError
from stockroom.terraform.apply_progress import ApplyProgress, ApplyResult
from stockroom.terraform.local_directory import variable_args
from stockroom.terraform.process import ResourceExistsError, run_terraform

# Terraform's own name for it.
UNSAVED_STATE = "errored.tfstate"

Watch = Callable[[], None]
"""Is called while Terraform runs, and may raise: a KeyboardInterrupt lets it write its state."""


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

    def init(self, release_variables: Mapping[str, Any], watch: Watch = lambda: None) -> None:
        """`terraform init` on the environment's state, and the release's variables beside the code."""
        text = json.dumps(release_variables, indent=2, sort_keys=True)
        (self.folder / "release.auto.tfvars.json").write_text(text)
        args = [
            f"-backend-config={self._environment_folder / 'backend.hcl'}",
            f"-backend-config=key={self.environment.state_key(self.stack)}",
        ]
        self._run(["init", "-input=false", "-no-color", "-reconfigure", "-lockfile=readonly", *args], watch)

    def plan(self, lock: bool = True, watch: Watch = lambda: None, destroy: bool = False) -> dict[str, Any]:
        """Make and save a plan (`destroy`: of removing everything); returns it as `terraform show -json` does (format
        version 1)."""
        locking = "-lock-timeout=30s" if lock else "-lock=false"
        variables = variable_args(self._environment_folder, self.stack)
        removing = ["-destroy"] if destroy else []
        self._run(["plan", *removing, "-json", "-input=false", locking, f"-out={self._plan_file}", *variables], watch)
        shown = subprocess.run(
            [str(self.terraform), "show", "-json", str(self._plan_file)],
            cwd=self.folder, env=dict(self.variables), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if shown.returncode:
            raise StockroomError(f"the plan of '{self.stack}' can't be read", None, shown.stderr)
        return dict(json.loads(shown.stdout))

    def apply(self, say: Callable[[str], None], watch: Watch = lambda: None) -> ApplyResult:
        """Apply exactly the saved plan. Raises ApplyFailedError, which tells how far it came."""
        progress = ApplyProgress(say)
        args = ["apply", "-json", "-input=false", "-lock-timeout=60s", "-parallelism=30", str(self._plan_file)]
        try:
            self._run(args, watch, progress.read)
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
        self._run(["state", "push", "-lock-timeout=30s", str(unsaved)], lambda: None)
        unsaved.unlink()
        return True

    @property
    def _environment_folder(self) -> Path:
        return self.release / "terraform" / "environments" / self.environment.name

    def _run(self, args: list[str], watch: Watch, read: Callable[[str], None] = lambda _: None) -> None:
        try:
            run_terraform(self.stack, self.terraform, args, self.folder, self.variables, self.log, watch, read)
        except StockroomError as error:
            if "Error acquiring the state lock" in (error.details or ""):
                error.hint = f"make sure that nobody works on it, then run `terraform force-unlock ID` in {self.folder}"
            raise


def one_init_at_a_time(variables: Mapping[str, str]) -> AbstractContextManager[Any]:
    """Terraform's cache of downloaded providers is not made for several writers."""
    return Lock() if "TF_PLUGIN_CACHE_DIR" in variables else nullcontext()


class ApplyFailedError(StockroomError):
    """Terraform stopped in the middle; `touched` are the addresses that it had come to."""

    def __init__(self, error: StockroomError, touched: list[str]) -> None:
        super().__init__(error.message, error.hint, error.details)
        self.touched = touched
