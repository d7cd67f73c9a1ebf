"""Terraform in the working copy of a foreign folder, with the local platform's environment."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stockroom.environments import local_process_environment
from stockroom.errors import StockroomError
from stockroom.foreign.configuration import terraform_files
from stockroom.foreign.failures import explain
from stockroom.foreign.overrides import ProviderSchema
from stockroom.project import HOME
from stockroom.settings import Settings
from stockroom.system.files import cache_text, cached_text
from stockroom.terraform.apply_progress import ApplyProgress, ApplyResult
from stockroom.terraform.binary import Binary
from stockroom.terraform.init_cache import is_initialised
from stockroom.terraform.process import run_terraform, tuning
from stockroom.terraform.provider_sources import process_variables, provider_cache, write_any_version_config
from stockroom.terraform.release_directory import UNSAVED_STATE

SCHEMAS_DIR = HOME / "terraform-schemas"

_DEFAULT = "default"
_PLAN = "stockroom.tfplan"


@dataclass(frozen=True)
class WorkingDirectory:
    """`title` is what the user calls the folder; `variables` are the options that give values to its variables."""

    title: str
    folder: Path
    log: Path
    settings: Settings
    binary: Binary
    endpoint: str
    region: str
    workspace: str
    variables: Sequence[str]
    watch: Callable[[], None]

    def init(self, modules: Sequence[Path]) -> bool:
        """`terraform init`, unless nothing has changed since the last one, and the workspace. True if it ran."""
        (self._data / "environment").unlink(missing_ok=True)  # in an engine that is new, there is none yet
        ran = not is_initialised(self._data, self._digest(modules))
        if ran:
            self._init()
            (self._data / "initialised").write_text(self._digest(modules))
        if self.workspace != _DEFAULT:
            self._run(["workspace", "select", "-or-create=true", "-no-color", self.workspace])
        return ran

    def _digest(self, modules: Sequence[Path]) -> str:
        """Of all that `terraform init` depends on: Terraform's files in these folders, and the root's lock."""
        digest = hashlib.sha256(f"{self.binary} {self.endpoint}".encode())
        for path in [*(path for folder in modules for path in terraform_files(folder)), self._lock]:
            digest.update(path.read_bytes() if path.exists() else b"")
        return digest.hexdigest()

    def _init(self) -> None:
        args = ["init", "-input=false", "-no-color", "-reconfigure"]
        try:
            self._run(args)
        except StockroomError as error:
            # A mirror may have another version of the provider than this folder asks for.
            config = write_any_version_config(self.settings, os.environ)
            if config is None or "provider" not in error.message:
                raise
            self._run(args, {"TF_CLI_CONFIG_FILE": str(config)})

    @property
    def _data(self) -> Path:
        return self.folder / ".terraform"

    @property
    def _lock(self) -> Path:
        return self.folder / ".terraform.lock.hcl"

    def downloaded_modules(self) -> list[Path]:
        """Folders of the modules that `init` downloaded."""
        try:
            listed = json.loads((self._data / "modules" / "modules.json").read_text())["Modules"]
        except (OSError, ValueError, KeyError):
            return []
        folders = {Path(os.path.normpath(self.folder / module["Dir"])) for module in listed}
        return sorted(folder for folder in folders if folder.is_relative_to(self._data) and folder.is_dir())

    def aws_version(self) -> str | None:
        """The version of the AWS provider that `init` has chosen; None where the configuration needs none."""
        text = self._lock.read_text() if self._lock.exists() else ""
        found = re.search(r'provider "[^"]*/hashicorp/aws" \{\s*version\s*=\s*"([^"]+)"', text)
        return found[1] if found else None

    def provider_schema(self, version: str) -> ProviderSchema:
        """Which arguments and endpoints the AWS provider knows. It takes seconds to say so, and is asked once."""
        cached = SCHEMAS_DIR / f"aws-{version}.json"
        if text := cached_text(cached, version):
            names = json.loads(text)
        else:
            schemas = json.loads(self._output("providers", "schema", "-json"))["provider_schemas"]
            block = next(schemas[name] for name in schemas if name.endswith("/hashicorp/aws"))["provider"]["block"]
            endpoints = block["block_types"]["endpoints"]["block"]["attributes"]
            names = {"arguments": sorted(block["attributes"]), "endpoints": sorted(endpoints)}
            cache_text(cached, version, json.dumps(names))
        return ProviderSchema(frozenset(names["arguments"]), frozenset(names["endpoints"]))

    def save_state(self) -> bool:
        """Write the state that an earlier Terraform left here because it could not reach its backend."""
        unsaved = self.folder / UNSAVED_STATE
        if not unsaved.exists():
            return False
        self._run(["state", "push", "-lock-timeout=30s", str(unsaved)])
        unsaved.unlink()
        return True

    def plan(self, say: Callable[[str], None], destroy: bool = False) -> dict[str, Any]:
        """Make and keep a plan; returns it as `terraform show -json` does (format version 1)."""
        progress = ApplyProgress(say)
        args = ["plan", "-json", "-input=false", "-lock-timeout=60s", f"-out={_PLAN}", *self.variables]
        self._run([*args, *(["-destroy"] if destroy else [])], read=progress.read)
        return dict(json.loads(self._output("show", "-json", _PLAN)))

    def plan_text(self, coloured: bool) -> str:
        """The plan that is kept, for people."""
        return self._output("show", *([] if coloured else ["-no-color"]), _PLAN)

    def forget_plan(self) -> None:
        (self.folder / _PLAN).unlink(missing_ok=True)

    def apply(self, say: Callable[[str], None]) -> ApplyResult:
        """Apply exactly the plan that is kept."""
        progress = ApplyProgress(say)
        args = ["apply", "-json", "-input=false", "-lock-timeout=60s", "-parallelism=30", _PLAN]
        try:
            self._run(args, read=progress.read)
        finally:
            self.forget_plan()
        return progress.result

    def environment(self) -> dict[str, str]:
        """The whole environment of this folder's Terraform: the platform's, and the user's values of its variables."""
        extra = process_variables(self.settings) | tuning(os.environ) | provider_cache(self.settings)
        extra |= {name: value for name, value in os.environ.items() if name.startswith("TF_VAR_")}
        return local_process_environment(os.environ, self.endpoint, self.region, extra)

    def _run(
        self, args: list[str], extra: Mapping[str, str] | None = None, read: Callable[[str], None] = lambda _: None
    ) -> None:
        environment = self.environment() | dict(extra or {})
        try:
            run_terraform(self.title, self.binary.path, args, self.folder, environment, self.log, self.watch, read)
        except StockroomError as error:
            self.watch()
            raise explain(error, self.title, args[0]) from None

    def _output(self, *args: str) -> str:
        done = subprocess.run(
            [str(self.binary.path), *args],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise StockroomError(f"{self.title}: terraform {' '.join(args)} failed", None, done.stderr)
        return done.stdout
