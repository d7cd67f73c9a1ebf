"""A stack of the local environment in a working directory of its own, which Terraform runs in.

The local environment runs with what `tflocal` makes of a stack; the stacks and modules are the ones that every other
environment gets. A working directory mirrors `terraform/`, so that the stacks' relative module paths hold in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stockroom.environments import Environment, local_process_environment
from stockroom.releases.code import Code
from stockroom.settings import Settings
from stockroom.system.files import cache_text, cached_text
from stockroom.terraform.apply_progress import ApplyProgress, ApplyResult
from stockroom.terraform.binary import Binary
from stockroom.terraform.init_cache import INITIALISED_DIR, cache_initialised, is_initialised, restore_initialised
from stockroom.terraform.process import run_terraform, tuning
from stockroom.terraform.provider import Attachment, running_provider
from stockroom.terraform.provider_sources import (
    find_mirror,
    installed_provider,
    named_types,
    process_variables,
    provider_cache,
)

_REDIRECTION = "localstack_providers_override.tf"  # tflocal's name for it
_ADDRESS = "{address}"  # stands for the host and port of any endpoint in what is kept for all of them


@dataclass(frozen=True)
class Stack:
    """A stack of the local environment in its working directory, with all that Terraform needs to run."""

    name: str
    environment: Environment
    settings: Settings
    binary: Binary
    endpoint: str
    code: Code

    @property
    def _environment_folder(self) -> Path:
        return self.code.root / "terraform" / "environments" / self.environment.name

    @property
    def _source(self) -> dict[str, Path]:
        """The stack's own files by name."""
        files = self.code.below(f"terraform/stacks/{self.name}")
        return {name: path for name, path in files.items() if _is_terraform(name)}

    @property
    def _modules(self) -> dict[str, Path]:
        return self.code.below("terraform/modules")

    @property
    def top(self) -> Path:
        return self.settings.run_dir / "terraform" / self.environment.name

    @property
    def folder(self) -> Path:
        return self.top / "stacks" / self.name

    @property
    def log(self) -> Path:
        return self.top / f"{self.name}.log"

    def prepare(self, variables: Mapping[str, Any]) -> None:
        """Lay out the working directory beside the modules: copies of the stack's files, the release's variables."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Among these is the override file, which tflocal refuses to replace.
        for stale in self.folder.glob("*.tf"):
            stale.unlink()
        for name, path in self._source.items():
            shutil.copyfile(path, self.folder / name)
        (self.folder / "release.auto.tfvars.json").write_text(json.dumps(variables, indent=2, sort_keys=True))

    def set_up(self, watch: Callable[[], None]) -> bool:
        """What needs no running endpoint: the file that sends every service there, and the provider.

        tflocal writes the file, and would then run Terraform itself. But it reads all of the stack for it, which takes
        two seconds, and that is better done while the emulator starts, and once.

        True where the provider was installed now. `watch` is called meanwhile and may raise.
        """
        self.redirect(watch)
        if self._restore_initialised() or self.provider:
            return False
        self._run(["init", "-input=false", "-no-color", "-backend=false"], watch)
        return True

    def redirect(self, watch: Callable[[], None]) -> None:
        """Write what sends every service to the endpoint, as tflocal does, or did for the same stack."""
        address = urlsplit(self.endpoint).netloc
        environment = self.process_environment() | {"DRY_RUN": "1"}
        told = {name: value for name, value in environment.items() if name not in process_variables(self.settings)}
        asked = json.dumps([self._init_digest, version("terraform-local"), told], sort_keys=True)
        digest = hashlib.sha256(asked.replace(address, _ADDRESS).encode()).hexdigest()
        written, kept = self.folder / _REDIRECTION, INITIALISED_DIR / f"{self._initialised_name}.{_REDIRECTION}"
        if (text := cached_text(kept, digest)) is not None:
            written.write_text(text.replace(_ADDRESS, address))
            return
        tflocal = Path(sys.executable).parent / "tflocal"
        run_terraform(self.name, tflocal, ["apply"], self.folder, environment, self.log, watch)
        cache_text(kept, digest, written.read_text().replace(address, _ADDRESS))

    @property
    def provider(self) -> Path | None:
        """The provider that `init` put into the working directory, or None."""
        return installed_provider(self.folder)

    def running_provider(self, nothing_deployed: bool) -> AbstractContextManager[Attachment]:
        """The provider, for every stack of the environment."""
        # A state may hold resources of a type that the code does not name any more.
        types = named_types(self.code.root / "terraform") if nothing_deployed else frozenset[str]()
        return running_provider(self.provider, self.top, self.process_environment(), self.log, types)

    def init(self, watch: Callable[[], None], attached: Mapping[str, str]) -> bool:
        """`terraform init`, unless nothing that it depends on has changed since the last one. True if it ran."""
        if self._restore_initialised():
            return False
        args = ["init", "-input=false", "-no-color", "-reconfigure", *self.backend_args()]
        self._run(args, watch, extra=attached)
        cache_initialised(self._initialised_name, self._data, self._init_digest)
        return True

    def _restore_initialised(self) -> bool:
        digest = self._init_digest
        return is_initialised(self._data, digest) or restore_initialised(self._initialised_name, self._data, digest)

    @property
    def _data(self) -> Path:
        return self.folder / ".terraform"

    @property
    def _initialised_name(self) -> str:
        return f"{self.environment.name}-{self.name}"

    def backend_args(self) -> list[str]:
        """Options of `init` that say where the state is."""
        return [
            f"-backend-config={self._environment_folder / 'backend.hcl'}",
            f"-backend-config=key={self.environment.state_key(self.name)}",
            # A bucket's name is no subdomain of a local endpoint; with AWS_ENDPOINT_URL_S3 it does not see that.
            "-backend-config=use_path_style=true",
        ]

    @cached_property
    def _init_digest(self) -> str:
        digest = hashlib.sha256(f"{self.binary} {find_mirror(self.settings)}".encode())
        modules = [path for name, path in self._modules.items() if name.count("/") == 1 and name.endswith(".tf")]
        files = [self._environment_folder / "backend.hcl", *self._source.values(), *modules]
        for path in files:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def apply(self, watch: Callable[[], None], say: Callable[[str], None], attached: Mapping[str, str]) -> ApplyResult:
        """`terraform apply`. `watch` is called while it runs and may raise; `say` gets words on how far it is.

        Raises ResourceExistsError or StockroomError with Terraform's own diagnostics.
        """
        return self._change([], watch, say, attached)

    def destroy(
        self, watch: Callable[[], None], say: Callable[[str], None], attached: Mapping[str, str]
    ) -> ApplyResult:
        """`terraform apply -destroy`, as `apply`."""
        return self._change(["-destroy"], watch, say, attached)

    def _change(
        self, more: list[str], watch: Callable[[], None], say: Callable[[str], None], attached: Mapping[str, str]
    ) -> ApplyResult:
        progress = ApplyProgress(say)
        # What is changed mostly waits, so more of it at once than Terraform's ten costs nothing.
        args = ["apply", "-json", "-input=false", "-auto-approve", "-lock-timeout=60s", "-parallelism=30"]
        self._run([*args, *more, *self.variable_args()], watch, progress.read, attached)
        return progress.result

    def variable_args(self) -> Iterator[str]:
        """Options of `apply` that name the environment's variables."""
        return variable_args(self._environment_folder, self.name)

    def process_environment(self) -> dict[str, str]:
        """The whole environment of this stack's Terraform."""
        extra = process_variables(self.settings) | tuning(os.environ)
        extra |= {
            "TF_CMD": str(self.binary.path),
            "DISABLE_DEPRECATION_NOTICE": "1",
            # Path style: the default of tflocal is a host name that does not resolve without the internet.
            "S3_HOSTNAME": "127.0.0.1",
        }
        extra |= provider_cache(self.settings)
        return local_process_environment(os.environ, self.endpoint, self.environment.region, extra)

    def _run(
        self,
        args: list[str],
        watch: Callable[[], None] = lambda: None,
        read: Callable[[str], None] = lambda _: None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Run Terraform in the working directory; every line goes to the log and to `read`."""
        environment = self.process_environment() | dict(extra or {})
        run_terraform(self.name, self.binary.path, args, self.folder, environment, self.log, watch, read)


def copy_modules(code: Code, top: Path) -> None:
    """Copy the modules to where the stacks below `top` look for them."""
    modules = top / "modules"
    modules.unlink() if modules.is_symlink() else shutil.rmtree(modules, ignore_errors=True)
    for name, path in code.below("terraform/modules").items():
        (modules / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, modules / name)


def _is_terraform(name: str) -> bool:
    return name == ".terraform.lock.hcl" or ("/" not in name and name.endswith(".tf"))


def variable_args(environment: Path, stack: str) -> Iterator[str]:
    """Options of `plan` and `apply` that name the variables in an environment's folder."""
    for name in ("environment", stack):
        path = environment / f"{name}.tfvars"
        if path.exists():
            yield f"-var-file={path}"
