"""A repository with a remote, a small stack, and an engine that plays its accounts; promoted with the user's commands.

<folder>/
    origin.git     the remote, with the branch main
    clone/         the work tree's files, but with stack, function and smoke test of files/ in place of the real ones
    clone/.stockroom/run/    run directory of the engine
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psutil

from stockroom.engines import emulator_installation as emulator
from stockroom.project import HOME, ROOT
from stockroom.promotion.ledger import PREFIX as LEDGER
from stockroom.promotion.ledger import Promotion, fold
from stockroom.promotion.promotion_lock import KEY as LOCK
from stockroom.releases.evidence import Evidence, Selection, write_evidence
from stockroom.releases.release import Release
from stockroom.system.processes import free_port
from stockroom.testing import policies

FILES = Path(__file__).parent / "files"
KEY = "0123456789abcdef" * 4
ACCOUNTS = {"dev": "111111111111", "test": "222222222222", "prod": "333333333333"}
STACK = "records"
COMMAND_SECONDS = 420

# What a promotion of the small stack does not need: the rest of its release is copied and checked out in no time.
_LEFT_OUT = (
    ".ci", ".github", "benchmarks", "docs", "fixtures", "functions", "ministack", "terraform/modules",
    "terraform/stacks", "tests",
)  # fmt: skip
_AUTHOR = ("-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false")

Variables = Mapping[str, str]


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    code: int
    output: str


@dataclass
class World:
    """`base` is the commit that everything begins with: `bring_up` promotes it to dev and prod."""

    folder: Path
    port: int = field(default_factory=free_port)
    base: str = ""
    wire: Any = None
    clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "clone"

    @property
    def origin(self) -> Path:
        return self.folder / "origin.git"

    @property
    def run_dir(self) -> Path:
        return self.root / ".stockroom" / "run"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # Commands

    def variables(self, more: Variables) -> dict[str, str]:
        """The shell that commands are typed in; an empty value takes a variable away."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STOCKROOM_", "AWS_"))}
        own = {"STOCKROOM_PORT": str(self.port), "STOCKROOM_EVIDENCE_KEY": KEY, "STOCKROOM_RUN_DIR": str(self.run_dir)}
        return {name: value for name, value in {**kept, **own, **more}.items() if value}

    def start(self, *words: str, shell: Variables | None = None, **streams: Any) -> subprocess.Popen[str]:
        """Start a task in a process group of its own, with nobody to ask and its errors among its output."""
        chosen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **streams}
        return subprocess.Popen(
            [sys.executable, "-m", "invoke", *words],
            cwd=self.root, env=self.variables(shell or {}), text=True, start_new_session=True, **chosen,
        )  # fmt: skip

    def run(self, *words: str, shell: Variables | None = None) -> Done:
        process = self.start(*words, shell=shell)
        try:
            output, _ = process.communicate(timeout=COMMAND_SECONDS)
        except BaseException:
            process.kill()
            raise
        return Done(process.returncode, output)

    def run_on_terminal(self, words: list[str], prompt: str, keys: str) -> Done:
        """Run a task on a terminal of its own, where somebody types the keys once they are asked."""

        def take_terminal() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        ours, theirs = pty.openpty()
        streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
        process = self.start(*words, shell={"TERM": "dumb"}, preexec_fn=take_terminal, **streams)
        os.close(theirs)
        output, typed = "", False
        with contextlib.suppress(OSError):  # what Linux says when nobody is at the other end any more
            while piece := os.read(ours, 4096):
                output += piece.decode(errors="replace")
                if prompt in output and not typed:
                    time.sleep(1)  # a Ctrl-C between the prompt and the wait for an answer is seen after the answer
                    os.write(ours, keys.encode())
                    typed = True
        os.close(ours)
        return Done(process.wait(COMMAND_SECONDS), output)

    def succeed(self, *words: str, shell: Variables | None = None) -> str:
        done = self.run(*words, shell=shell)
        assert done.code == 0, f"invoke {' '.join(words)}: exit code {done.code}\n{done.output}"
        return done.output

    def promote(self, environment: str = "dev") -> str:
        """Promote what is checked out; in prod as CI does, with the digest of the plan."""
        approved = ["--approve", self.plan(environment)] if environment == "prod" else []
        return self.succeed("promote", "--env", environment, "--rehearse", *approved)

    def plan(self, environment: str, *words: str) -> str:
        """The digest of a plan."""
        printed = self.succeed("plan", "--env", environment, "--rehearse", *words)
        return next(line.split()[-1] for line in printed.splitlines() if line.startswith("plan digest "))

    # The repository

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write files of the work tree, or remove those whose content is None."""
        for name, content in files.items():
            path = self.root / name
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)

    def commit(self, files: Mapping[str, str | None], push: bool = True, evidence: bool = True) -> str:
        """Commit files on top of what is checked out, push that to main, and write its evidence."""
        self.write(files)
        self.git("add", "--all")
        self.git(*_AUTHOR, "commit", "--quiet", "--allow-empty", "--message", "A change")
        if push:
            self.git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")
        if evidence:
            self.write_evidence()
        return self.git("rev-parse", "HEAD")

    def use(self, commit: str) -> None:
        self.git("checkout", "--quiet", "--force", "--detach", commit)

    def start_over(self) -> None:
        """Put repository and remote back to the base."""
        self.use(self.base)
        self.git("clean", "--quiet", "--force", "-d")
        self.git("push", "--quiet", "--force", "origin", "HEAD:refs/heads/main")

    # Evidence

    def release(self) -> dict[str, Any]:
        process = self.start("release", "--json", stderr=subprocess.PIPE)
        printed, errors = process.communicate(timeout=COMMAND_SECONDS)
        assert process.returncode == 0, errors
        return dict(json.loads(printed))

    def evidence_file(self, digest: str) -> Path:
        return self.root / ".stockroom" / "evidence" / f"{digest}.json"

    def write_evidence(self, key: str | None = KEY, **changes: Any) -> Path:
        """Evidence of what is checked out, as `invoke e2e` writes it, but for the changes."""
        release = self.release()
        now = datetime.now(UTC)
        content: dict[str, Any] = {
            "release": Release(**release["release"]),
            "artifacts": release["artifacts"],
            "engine": "localstack",
            "versions": {},
            "selection": Selection(),
            "rounds": 1,
            "complete": True,
            "outcomes": {"tests/e2e/test_records.py::test_greeting_can_be_read": "passed"},
            "started": now,
            "finished": now,
        }
        path = self.evidence_file(release["release"]["digest"])
        path.unlink(missing_ok=True)
        assert write_evidence(Evidence(**content | changes), path.parent, key)
        return path

    # The accounts

    def client(self, service: str, environment: str = "dev") -> Any:
        if (service, environment) not in self.clients:
            self.clients[service, environment] = boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=self.endpoint,
                region_name="us-east-1",
                aws_access_key_id=ACCOUNTS[environment],
                aws_secret_access_key="test",
            )
        return self.clients[service, environment]

    def bucket(self, kind: str, environment: str = "dev") -> str:
        return f"stockroom-{environment}-{kind}-{ACCOUNTS[environment]}"

    def objects(self, kind: str, environment: str = "dev", prefix: str = "") -> dict[str, str]:
        """ETag by key."""
        s3, bucket = self.client("s3", environment), self.bucket(kind, environment)
        if bucket not in {one["Name"] for one in s3.list_buckets()["Buckets"]}:
            return {}
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {one["Key"]: one["ETag"] for page in pages for one in page.get("Contents", [])}

    def get(self, key: str, environment: str = "dev") -> bytes:
        found = self.client("s3", environment).get_object(Bucket=self.bucket("state", environment), Key=key)
        return bytes(found["Body"].read())

    def put(self, key: str, content: bytes | str | dict[str, Any], environment: str = "dev") -> None:
        body = json.dumps(content) if isinstance(content, dict) else content
        self.client("s3", environment).put_object(Bucket=self.bucket("state", environment), Key=key, Body=body)

    def delete(self, key: str, environment: str = "dev") -> None:
        self.client("s3", environment).delete_object(Bucket=self.bucket("state", environment), Key=key)

    def history(self, environment: str = "dev") -> list[Promotion]:
        """The ledger, read past the toolkit's commands."""
        keys = sorted(self.objects("state", environment, LEDGER))
        return fold(json.loads(self.get(key, environment)) for key in keys)

    def is_locked(self, environment: str = "dev") -> bool:
        """Whether a lock of a promotion or of Terraform is left."""
        return any(key == LOCK or key.endswith(".tflock") for key in self.objects("state", environment))

    def greeting(self, environment: str = "dev") -> str:
        ssm = self.client("ssm", environment)
        return str(ssm.get_parameter(Name=f"/stockroom/{environment}/greeting")["Parameter"]["Value"])

    def live_version(self, environment: str = "dev", function: str = "greet") -> tuple[str, str]:
        """The version of a function behind its alias, and the newest one."""
        functions, name = self.client("lambda", environment), f"stockroom-{environment}-{function}"
        versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
        newest = max(int(one["Version"]) for one in versions if one["Version"] != "$LATEST")
        return str(functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]), str(newest)

    def contents(self) -> dict[str, str]:
        """All that a promotion may change in any account: "<environment> <kind> <name>" → its content."""
        found: dict[str, str] = {}
        for name in ACCOUNTS:
            for key, etag in self.objects("state", name).items():
                found[f"{name} {_kind(key)} {key}"] = etag
            found |= {f"{name} artifacts {key}": etag for key, etag in self.objects("artifacts", name).items()}
            found |= {f"{name} account {what}": value for what, value in self._account(name)}
        return found

    def _account(self, environment: str) -> Iterator[tuple[str, str]]:
        ssm, logs = self.client("ssm", environment), self.client("logs", environment)
        for one in ssm.get_parameters_by_path(Path="/stockroom", Recursive=True)["Parameters"]:
            yield one["Name"], one["Value"]
        for one in logs.describe_log_groups()["logGroups"]:
            yield one["logGroupName"], str(one.get("retentionInDays"))
        for one in self.client("s3", environment).list_buckets()["Buckets"]:
            yield f"bucket {one['Name']}", "there"
        for one in self.client("iam", environment).list_roles()["Roles"]:
            yield f"role {one['RoleName']}", one["Arn"]
        for one in self.client("lambda", environment).list_functions()["Functions"]:
            name = one["FunctionName"]
            versions = self.live_version(environment, name.removeprefix(f"stockroom-{environment}-"))
            yield name, " ".join([one["CodeSha256"], *versions])

    # Up and down

    def bring_up(self) -> None:
        """Make the repository, start the engine, and promote the base to dev and prod."""
        self.lay_out("dev", "prod")
        self.base = self.commit({})
        for name in ("dev", "prod"):
            self.promote(name)

    def lay_out(self, *environments: str) -> None:
        """Make the repository, start the engine, and bootstrap the environments; nothing is committed yet."""
        self._make_repository()
        self._lend_installations()
        for name in environments:
            self.succeed("bootstrap", "--env", name, "--rehearse")

    def take_down(self) -> None:
        """Stop everything that the commands have started."""
        self.run("infra-down")
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)

    def processes(self) -> list[psutil.Process]:
        """Processes that work in the world's folder, or name it."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                named = any(str(self.folder) in word for word in process.cmdline())
                if (named or process.cwd().startswith(str(self.folder))) and process.pid != os.getpid():
                    found.append(process)
        return found

    def _make_repository(self) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        for name in listed:
            if not name.startswith(tuple(f"{folder}/" for folder in _LEFT_OUT)) and (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        shutil.copytree(FILES, self.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        subprocess.run(["git", "init", "--quiet", "--bare", str(self.origin)], check=True)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("remote", "add", "origin", str(self.origin))

    def _lend_installations(self) -> None:
        """What is installed for this checkout serves the world too, although it lies elsewhere."""
        emulator.install(lambda _: None)
        policies.install(lambda _: None)
        home = self.root / ".stockroom"
        home.mkdir()
        for name in ("bin", "terraform-providers"):
            if (HOME / name).exists():
                (home / name).symlink_to(HOME / name)


def _kind(key: str) -> str:
    if key.startswith(LEDGER):
        return "ledger"
    return "lock" if key == LOCK or key.endswith(".tflock") else "state"


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """What differs, as "<environment> <kind>"."""
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    return {" ".join(name.split()[:2]) for name in names}


def wait_until(condition: Callable[[], Any], seconds: float = 180, pause: float = 0.05) -> Any:
    """Ask until the answer is true and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds:.0f} s: {condition}"
        time.sleep(pause)
    return answer


@contextlib.contextmanager
def small_world(folder: Path) -> Iterator[World]:
    """A world that is up; taken down at the end, whatever happened."""
    world = World(folder)
    try:
        world.bring_up()
        yield world
    finally:
        world.take_down()
