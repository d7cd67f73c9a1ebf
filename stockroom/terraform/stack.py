"""Terraform: finding it, giving it a working directory per environment and stack, running it, reading state.

The local environment runs with what `tflocal` makes of a stack; the stacks and modules are the ones that every other
environment gets. A working directory mirrors `terraform/`, so that the stacks' relative module paths hold in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import urlsplit

import psutil

from stockroom.environments import Environment, local_process_environment
from stockroom.errors import StockroomError
from stockroom.releases.code import Code
from stockroom.settings import HOME, Settings
from stockroom.system.files import keep_text, take_text
from stockroom.system.processes import processes_in, stop
from stockroom.terraform.init_cache import INITIALISED_DIR, is_initialised, keep_initialised, take_initialised
from stockroom.terraform.provider import Attachment, running_provider

MINIMUM_VERSION = (1, 10)
PROVIDER = ("hashicorp", "aws", "5.100.0")

_REDIRECTION = "localstack_providers_override.tf"  # tflocal's name for it
_ADDRESS = "{address}"  # stands for the host and port of any endpoint in what is kept for all of them

_TYPE = re.compile(rf"\b{PROVIDER[1]}_\w+")

_INTERRUPT_PATIENCE_SECONDS = 90
_READ_PAUSE_SECONDS = 0.1
_WATCH_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Binary:
    """A Terraform or OpenTofu that is new enough."""

    path: Path
    version: str


def find_binary(settings: Settings) -> Binary:
    """The Terraform to use. Raises StockroomError when there is none, or it is too old."""
    candidates = [settings.terraform, HOME / "bin" / "terraform", *map(shutil.which, ("terraform", "tofu"))]
    path = next((Path(one) for one in candidates if one and Path(one).is_file()), None)
    if path is None or (settings.terraform and path != settings.terraform):
        where = f"at STOCKROOM_TERRAFORM={settings.terraform}" if settings.terraform else "on PATH"
        raise StockroomError(
            f"no Terraform or OpenTofu found {where}",
            "run `invoke setup-terraform`, or install Terraform 1.10 or newer",
        )
    version = _read_version(path)
    if parse_version(version) < MINIMUM_VERSION:
        raise StockroomError(
            f"{path} is version {version}, and {'.'.join(map(str, MINIMUM_VERSION))} or newer is needed",
            "run `invoke setup-terraform`, or install a newer one",
        )
    return Binary(path, version)


def parse_version(version: str) -> tuple[int, ...]:
    """(1, 11, 4) of "1.11.4" or "1.11.4-rc1"."""
    return tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".") if part.isdigit())


def _read_version(path: Path) -> str:
    try:
        done = subprocess.run(
            [str(path), "version", "-json"],
            capture_output=True, text=True, check=True, timeout=30,
            env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        )  # fmt: skip
        return str(json.loads(done.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        raise StockroomError(f"{path} does not answer `version -json`", "install Terraform 1.10 or newer") from None


def find_mirror(settings: Settings, add_on_software: Path = Path("/opt")) -> Path | None:
    """A folder with our provider that Terraform does not look in by itself, or None.

    Terraform itself looks in its plugin directories; besides, any folder directly under /opt, which the
    Filesystem Hierarchy Standard gives to add-on software, may hold a provider tree.
    """
    if settings.provider_mirror:
        if _holds_provider(settings.provider_mirror):
            return settings.provider_mirror
        raise StockroomError(
            f"STOCKROOM_PROVIDER_MIRROR={settings.provider_mirror} does not hold {'/'.join(PROVIDER)}",
            "unset it to use the network, or fill it with `terraform providers mirror`",
        )
    folders = sorted(add_on_software.iterdir()) if add_on_software.is_dir() else []
    return next((folder for folder in folders if _holds_provider(folder)), None)


def _holds_provider(folder: Path) -> bool:
    namespace, name, version = PROVIDER
    tree = folder / "registry.terraform.io" / namespace / name
    unpacked = tree / version / target_platform()
    packed = tree / f"terraform-provider-{name}_{version}_{target_platform()}.zip"
    return unpacked.is_dir() or packed.is_file()


def target_platform() -> str:
    """This machine as Terraform names it, such as "linux_amd64"."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return f"{platform.system().lower()}_{machine}"


def user_cli_config(environment: Mapping[str, str]) -> Path | None:
    """The user's own Terraform CLI configuration, if there is one."""
    named = environment.get("TF_CLI_CONFIG_FILE")
    path = Path(named) if named else Path(environment.get("HOME", "~")).expanduser() / ".terraformrc"
    return path if path.is_file() else None


def write_cli_config(settings: Settings, environment: Mapping[str, str]) -> Path | None:
    """The CLI configuration to give to Terraform: the user's, unless it names no provider source and we know one."""
    users = user_cli_config(environment)
    if users and "provider_installation" in users.read_text(encoding="utf-8"):
        return users
    mirror = find_mirror(settings)
    if mirror is None:
        return users
    path = settings.run_dir / "terraform" / "mirror.tfrc"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n"
        '  direct {\n    exclude = ["registry.terraform.io/hashicorp/aws"]\n  }\n'
        "}\n"
    )
    return path


def process_variables(settings: Settings) -> dict[str, str]:
    """What every Terraform that we run has in its environment, on top of what it needs for AWS."""
    config = write_cli_config(settings, os.environ)
    named = {"TF_CLI_CONFIG_FILE": str(config)} if config else {}
    return {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **named}


def provider_cache(settings: Settings) -> dict[str, str]:
    """The variable that lets a provider be downloaded once; none where a mirror has it. For one `init` at a time."""
    if find_mirror(settings):
        return {}
    cache = HOME / "terraform-providers"
    cache.mkdir(parents=True, exist_ok=True)
    return {"TF_PLUGIN_CACHE_DIR": str(cache)}


@dataclass
class ApplyResult:
    """What an apply did, and the stack's outputs by name."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    outputs: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


class ResourceExistsError(StockroomError):
    """Terraform wants to create what exists already: an earlier run died before it could write its state."""


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
        """Lay out the working directory: copies of the modules and of the stack's files, the release's variables."""
        self.folder.mkdir(parents=True, exist_ok=True)
        modules = self.top / "modules"
        modules.unlink() if modules.is_symlink() else shutil.rmtree(modules, ignore_errors=True)
        for name, path in self._modules.items():
            (modules / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, modules / name)
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
        if self._take_initialised() or self.provider:
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
        if (text := take_text(kept, digest)) is not None:
            written.write_text(text.replace(_ADDRESS, address))
            return
        tflocal = Path(sys.executable).parent / "tflocal"
        run_terraform(self.name, tflocal, ["apply"], self.folder, environment, self.log, watch)
        keep_text(kept, digest, written.read_text().replace(address, _ADDRESS))

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
        if self._take_initialised():
            return False
        words = ["init", "-input=false", "-no-color", "-reconfigure", *self.backend_words()]
        self._run(words, watch, extra=attached)
        keep_initialised(self._initialised_name, self._data, self._init_digest)
        return True

    def _take_initialised(self) -> bool:
        digest = self._init_digest
        return is_initialised(self._data, digest) or take_initialised(self._initialised_name, self._data, digest)

    @property
    def _data(self) -> Path:
        return self.folder / ".terraform"

    @property
    def _initialised_name(self) -> str:
        return f"{self.environment.name}-{self.name}"

    def backend_words(self) -> list[str]:
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
        progress = ApplyProgress(say)
        # What is created mostly waits, so more of it at once than Terraform's ten costs nothing.
        words = ["apply", "-json", "-input=false", "-auto-approve", "-lock-timeout=60s", "-parallelism=30"]
        self._run([*words, *self.variable_words()], watch, progress.read, attached)
        return progress.result

    def variable_words(self) -> Iterator[str]:
        """Options of `apply` that name the environment's variables."""
        return variable_words(self._environment_folder, self.name)

    def process_environment(self) -> dict[str, str]:
        """The whole environment of this stack's Terraform."""
        extra = process_variables(self.settings) | {
            "TF_CMD": str(self.binary.path),
            # The provider tries 25 times by default: many minutes, when something of the emulator has died.
            "AWS_MAX_ATTEMPTS": "5",
            "DISABLE_DEPRECATION_NOTICE": "1",
            # Terraform and the provider build large tables, several times an apply: with Go's default a quarter of
            # their processor time goes into looking for garbage, of which there is 400 MB more at the most this way.
            "GOGC": os.environ.get("GOGC", "400"),
            # Path style: the default of tflocal is a host name that does not resolve without the internet.
            "S3_HOSTNAME": "127.0.0.1",
        }
        extra |= provider_cache(self.settings)
        return local_process_environment(os.environ, self.endpoint, self.environment.region, extra)

    def _run(
        self,
        words: list[str],
        watch: Callable[[], None] = lambda: None,
        read: Callable[[str], None] = lambda _: None,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        """Run Terraform in the working directory; every line goes to the log and to `read`."""
        environment = self.process_environment() | dict(extra or {})
        run_terraform(self.name, self.binary.path, words, self.folder, environment, self.log, watch, read)


def _is_terraform(name: str) -> bool:
    return name == ".terraform.lock.hcl" or ("/" not in name and name.endswith(".tf"))


def named_types(folder: Path) -> frozenset[str]:
    """Every word of the modules and stacks in a folder that may be a type of resources or data sources."""
    return frozenset(word for path in folder.glob("*/*/*.tf") for word in _TYPE.findall(path.read_text()))


def installed_provider(folder: Path) -> Path | None:
    """The provider that `terraform init` put into a working directory, or None."""
    namespace, name, version = PROVIDER
    providers = folder / ".terraform" / "providers" / "registry.terraform.io"
    return next((providers / namespace / name / version / target_platform()).glob(f"terraform-provider-{name}_*"), None)


def variable_words(environment: Path, stack: str) -> Iterator[str]:
    """Options of `plan` and `apply` that name the variables in an environment's folder."""
    for name in ("environment", stack):
        path = environment / f"{name}.tfvars"
        if path.exists():
            yield f"-var-file={path}"


def run_terraform(
    stack: str,
    program: Path,
    words: list[str],
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    watch: Callable[[], None] = lambda: None,
    read: Callable[[str], None] = lambda _: None,
) -> None:
    """Run Terraform in a stack's folder with exactly this environment; every line goes to the log and to `read`.

    `watch` is called while it runs and may raise. Raises StockroomError with Terraform's own diagnostics.
    """
    with log.open("a", encoding="utf-8") as output:
        output.write(f"--- {' '.join(words)}\n")
        output.flush()
        start = log.stat().st_size
        # In a session of its own and with a file for its output: a Ctrl-C must reach Terraform once, from us,
        # since a second one makes it drop its state; and when the toolkit is killed, Terraform must be able to
        # finish, which a broken pipe would not let it.
        process = subprocess.Popen(
            [str(program), *words],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    lines: list[str] = []
    try:
        for line in _lines_of(process, log, start, watch):
            lines.append(line)
            read(line)
    except BaseException as error:
        _end(process, patiently=isinstance(error, KeyboardInterrupt))
        raise
    if process.returncode:
        raise _failure(stack, words[0], lines, log)


def _lines_of(process: subprocess.Popen[bytes], log: Path, start: int, watch: Callable[[], None]) -> Iterator[str]:
    """What the process writes to its log, line by line, until it ends; `watch` is called in between."""
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(start)
        pending = ""
        watched = monotonic()
        while True:
            ended = process.poll() is not None
            for piece in file:
                pending += piece
                if pending.endswith("\n"):
                    yield pending
                    pending = ""
            if ended:
                break
            if monotonic() - watched >= _WATCH_PAUSE_SECONDS:
                watch()
                watched = monotonic()
            sleep(_READ_PAUSE_SECONDS)
        if pending:
            yield pending


def wait_for_left_behind(
    folder: Path, whose: str, patience_seconds: float, note: Callable[[str], None]
) -> list[psutil.Process]:
    """A Terraform whose toolkit was killed goes on alone: let it finish, so that what it makes is in its state.

    A provider whose Terraform was killed waits for it for ever, so that is ended. Returns what still works in the
    folder when the time is over.
    """
    noted = False
    deadline = monotonic() + patience_seconds
    while left := list(processes_in(folder)):
        finishing = [process for process in left if not is_provider(process)]
        if not finishing:
            stop(left, patience=10)
        elif monotonic() > deadline:
            return finishing
        elif not noted:
            note(f"waiting for Terraform (process {finishing[0].pid}) of {whose} to finish")
            noted = True
        sleep(0.25)
    return []


def is_provider(process: psutil.Process) -> bool:
    """Whether a process is a Terraform provider, or stands before one, rather than Terraform itself."""
    try:
        return any(Path(word).name.startswith("terraform-provider-") for word in process.cmdline())
    except psutil.Error:
        return False


def _end(process: subprocess.Popen[bytes], patiently: bool) -> None:
    """Let Terraform write its state after Ctrl-C; end it at once when there is nothing left to write to."""
    if patiently:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_INTERRUPT_PATIENCE_SECONDS)
            return
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


class ApplyProgress:
    """Reads the lines of `terraform apply -json` and keeps what they add up to."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.result = ApplyResult()
        self._say = say
        self._planned = 0
        self._done = 0
        self._started: dict[str, float] = {}

    def read(self, line: str) -> None:
        event = _json_line(line)
        hook = event.get("hook", {})
        if hook.get("action") == "read":
            return  # data sources are reported like resources, but nobody waits for them
        address = hook.get("resource", {}).get("addr", "")
        match event.get("type"):
            case "planned_change":
                # A replacement is reported twice: as a destruction and as a creation.
                self._planned += 2 if event["change"]["action"] == "replace" else 1
            case "apply_start":
                self._started[address] = monotonic()
            case "apply_complete" | "apply_errored":
                self.result.seconds[address] = monotonic() - self._started.pop(address, monotonic())
                self._done += 1
            case "change_summary" if event["changes"]["operation"] == "apply":
                changes = event["changes"]
                self.result.added, self.result.changed, self.result.removed = (
                    changes["add"], changes["change"], changes["remove"],
                )  # fmt: skip
            case "outputs":
                self.result.outputs = {
                    name: output["value"] for name, output in event["outputs"].items() if "value" in output
                }
        if not self._planned:
            self._say("comparing with what is there")
        else:
            slowest = min(self._started, key=self._started.__getitem__, default="")
            self._say(f"{self._done} of {self._planned} resources{f', waiting for {slowest}' if slowest else ''}")


def _json_line(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


_EXISTS = (
    "already exists", "AlreadyExists", "AlreadyOwnedByYou", "ResourceInUseException", "ResourceConflictException",
)  # fmt: skip


def _failure(stack: str, command: str, output: list[str], log: Path) -> StockroomError:
    """The error that Terraform's output tells of."""
    diagnostics = [event["diagnostic"] for line in output if (event := _json_line(line)).get("type") == "diagnostic"]
    errors = [one for one in diagnostics if one.get("severity") == "error"]
    if errors:
        details = "\n".join(
            f"{one.get('address', stack)}: {one['summary']}\n  {one.get('detail', '').strip()}".rstrip()
            for one in errors
        )
        text = " ".join(f"{one['summary']} {one.get('detail', '')}" for one in errors)
    else:
        details = "".join(output[-20:]).strip()
        text = details
    kind = ResourceExistsError if any(word in text for word in _EXISTS) else StockroomError
    return kind(f"terraform {command} of the stack '{stack}' failed", f"the whole output is in {log}", details)
