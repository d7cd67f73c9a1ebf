"""Ways to break what a promotion needs. Each is mended when its `with` ends, and yields variables for the shell.

Nothing may be raised inside of the `with`: what is seen there is judged behind it.
"""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from stockroom.promotion.ledger import PREFIX as LEDGER
from stockroom.promotion.promotion_lock import KEY as LOCK
from stockroom.promotion.promotion_lock import Holder, new_holder
from stockroom.releases.evidence import sign
from tests.promotions.stand_ins import Aws, Wire, fake_aws
from tests.promotions.world import COMMAND_SECONDS, STACK, World, wait_until

Shell = Mapping[str, str]
Breakage = Callable[[World], AbstractContextManager[Shell]]

STATE_LOCK = f"{STACK}/terraform.tfstate.tflock"
FOREIGN_ID = "20260101-000000-abcdef"
FOREIGN = Holder(FOREIGN_ID, "invoke promote --env dev", "ann@elsewhere", "elsewhere/00", 4711, 1.0, "then")


def stack_file(name: str) -> str:
    return f"terraform/stacks/{STACK}/{name}.tf"


def tfvars(environment: str) -> str:
    return f"terraform/environments/{environment}/{STACK}.tfvars"


def rules_file(environment: str) -> str:
    return f"terraform/environments/{environment}/promotion.toml"


@contextmanager
def nothing(world: World) -> Iterator[Shell]:
    yield {}


def all_of(*breakages: Breakage) -> Breakage:
    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        with ExitStack() as held:
            shell: dict[str, str] = {}
            for one in breakages:
                shell |= held.enter_context(one(world))
            yield shell

    return broken


# The shell


def shell(**variables: str) -> Breakage:
    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        yield variables

    return broken


def account(aws: Aws) -> Breakage:
    """A real account, as far as the shell can tell."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        with fake_aws(aws, world.folder) as variables:
            yield variables

    return broken


@contextmanager
def no_credentials(world: World) -> Iterator[Shell]:
    yield {"HOME": str(world.folder / "nobodys-home"), "AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def profile_with_endpoint(world: World) -> Iterator[Shell]:
    config = world.folder / "aws-config"
    keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = of-nobody\n"
    config.write_text(f"[profile mine]\n{keys}endpoint_url = {world.endpoint}\n")
    yield {"AWS_CONFIG_FILE": str(config), "AWS_PROFILE": "mine"}


@contextmanager
def nothing_listens(world: World) -> Iterator[Shell]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield {
            "STOCKROOM_ENGINE": "external",
            "STOCKROOM_ENDPOINT": f"http://127.0.0.1:{taken.getsockname()[1]}",
        }


@contextmanager
def proxy_is_dead(world: World) -> Iterator[Shell]:
    with socket.socket() as taken, fake_aws(Aws(), world.folder) as variables:
        taken.bind(("127.0.0.1", 0))
        yield {**variables, "HTTPS_PROXY": f"http://127.0.0.1:{taken.getsockname()[1]}"}


# Repository


def edited(name: str, text: str) -> Breakage:
    """Something is added to a file (which may be new), and not committed."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        path = world.root / name
        before = path.read_text() if path.exists() else ""
        world.write({name: f"{before}{text}"})
        yield {}
        world.start_over()

    return broken


def overlooked(name: str, text: str) -> Breakage:
    """Something is added to a file of which git was told that it never changes."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        world.git("update-index", "--assume-unchanged", name)
        world.write({name: f"{(world.root / name).read_text()}{text}"})
        yield {}
        world.git("update-index", "--no-assume-unchanged", name)
        world.start_over()

    return broken


def committed(files: Mapping[str, str | None], **how: bool) -> Breakage:
    """Files are changed in a commit on top of the base; `how` is for World.commit."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        world.commit(files, **how)
        yield {}
        world.start_over()

    return broken


def changed_file(name: str, old: str, new: str) -> Breakage:
    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        text = (world.root / name).read_text()
        assert old in text
        world.commit({name: text.replace(old, new)})
        yield {}
        world.start_over()

    return broken


@contextmanager
def on_another_branch(world: World) -> Iterator[Shell]:
    world.commit({}, push=False)
    world.git("push", "--quiet", "origin", "HEAD:refs/heads/feature")
    yield {}
    world.git("push", "--quiet", "origin", ":refs/heads/feature")
    world.start_over()


def remote(*words: str) -> Breakage:
    """git is told this about its remotes."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        world.git("remote", *words)
        yield {}
        world.git("remote", "remove", words[-1] if words[0] == "rename" else "origin")
        world.git("remote", "add", "origin", str(world.origin))

    return broken


@contextmanager
def branch_is_gone(world: World) -> Iterator[Shell]:
    world.git("push", "--quiet", "origin", "HEAD:refs/heads/other")
    world.git("push", "--quiet", "origin", ":refs/heads/main")
    yield {}
    world.git("push", "--quiet", "origin", ":refs/heads/other", "HEAD:refs/heads/main")


@contextmanager
def no_clone(world: World) -> Iterator[Shell]:
    kept = world.folder / "kept.git"
    (world.root / ".git").rename(kept)
    yield {}
    kept.rename(world.root / ".git")


# Evidence: of a commit that was never promoted, since an account keeps the evidence of those that were


def evidence(key: str | None = "", edit: Callable[[dict[str, Any]], Any] = lambda _: None, **changes: Any) -> Breakage:
    """Evidence of a new commit with changes that are signed, and an edit that is not; `key` "" is the right one."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        world.commit({tfvars("dev"): 'greeting = "untested"\n'}, evidence=False)
        how = {} if key == "" else {"key": key}
        path = world.write_evidence(**how, **changes)
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content))
        yield {}
        path.unlink(missing_ok=True)
        world.start_over()

    return broken


def finished(ago: timedelta) -> Breakage:
    return evidence(finished=datetime.now(UTC) - ago, started=datetime.now(UTC) - ago - timedelta(minutes=5))


@contextmanager
def of_another_release(world: World) -> Iterator[Shell]:
    """The evidence of the base under the digest of another release, signed or not."""
    base = world.evidence_file(world.release()["release"]["digest"]).read_text()
    world.commit({tfvars("dev"): 'greeting = "untested"\n'}, evidence=False)
    path = world.evidence_file(world.release()["release"]["digest"])
    path.write_text(base)
    yield {}
    path.unlink()
    world.start_over()


@contextmanager
def damaged_evidence(world: World) -> Iterator[Shell]:
    world.commit({tfvars("dev"): 'greeting = "untested"\n'}, evidence=False)
    path = world.evidence_file(world.release()["release"]["digest"])
    path.write_text('{"format": 1, "pas')
    yield {}
    path.unlink()
    world.start_over()


def unsigned(content: dict[str, Any]) -> None:
    del content["signature"]


def more_tests(content: dict[str, Any]) -> None:
    content["tests"].append({"id": "tests/e2e/test_more.py::test_more", "outcome": "passed"})


ONE_FAILED = {"tests/e2e/test_x.py::test_one": "passed", "tests/e2e/test_x.py::test_two": "failed"}


def resigned(key: str) -> Callable[[dict[str, Any]], None]:
    """Signed as the toolkit does, but with another key."""

    def edit(content: dict[str, Any]) -> None:
        content["signature"] = sign(content, key)

    return edit


def from_dirty_tree(content: dict[str, Any]) -> None:
    content["release"]["dirty"] = True


# Ledger, locks and buckets


@contextmanager
def _without(world: World, environment: str, prefix: str) -> Iterator[None]:
    """Objects of the state bucket are away for a time; what is written meanwhile is removed."""
    kept = {key: world.get(key, environment) for key in world.objects("state", environment, prefix)}
    for key in kept:
        world.delete(key, environment)
    yield
    for key in world.objects("state", environment, prefix):
        world.delete(key, environment)
    for key, content in kept.items():
        world.put(key, content, environment)


def empty_ledger(environment: str) -> Breakage:
    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        with _without(world, environment, LEDGER):
            yield {}

    return broken


def one_release_ever(environment: str) -> Breakage:
    """The ledger knows of one promotion only."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        first = {key: world.get(key, environment) for key in sorted(world.objects("state", environment, LEDGER))[:3]}
        with _without(world, environment, LEDGER):
            for key, content in first.items():
                world.put(key, content, environment)
            yield {}

    return broken


def last_event(edit: Callable[[dict[str, Any]], object]) -> Breakage:
    """The last event of dev's ledger is edited; text replaces it."""

    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        key = sorted(world.objects("state", "dev", LEDGER))[-1]
        before = world.get(key)
        event = json.loads(before)
        text = edit(event)
        world.put(key, text if isinstance(text, str) else event)
        yield {}
        world.put(key, before)

    return broken


@contextmanager
def unfinished_before(world: World) -> Iterator[Shell]:
    """In dev a promotion has begun to apply, and nothing was heard of it since."""
    number = len(world.objects("state", "dev", LEDGER))
    last = world.history()[-1]
    begun = {"format": 2, "promotion": FOREIGN_ID, "at": last.started}
    started: dict[str, Any] = {
        "event": "started",
        "kind": "promotion",
        "release": last.release,
        "who": "x",
        "artifacts": {},
    }
    events = [started, {"event": "applying", "plan_digest": "0" * 64}]
    keys = [f"{LEDGER}{number + index:08}.json" for index in (1, 2)]
    for key, event in zip(keys, events, strict=True):
        world.put(key, begun | event)
    yield {}
    for key in keys:
        world.delete(key)


def locked_by(holder: Callable[[], Holder], environment: str = "dev") -> Breakage:
    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        world.put(LOCK, asdict(holder()), environment)
        yield {}
        world.delete(LOCK, environment)

    return broken


def alive() -> Holder:
    return new_holder("invoke promote --env dev")


def dead() -> Holder:
    """A process of this machine that has ended: no process has ever been this one's number with that start."""
    return replace(alive(), pid=psutil.pids()[-1], process_started=1.0)


def state_object(key: str, content: str, environment: str = "dev") -> Breakage:
    @contextmanager
    def broken(world: World) -> Iterator[Shell]:
        world.put(key, content, environment)
        yield {}
        world.delete(key, environment)

    return broken


STATE_LOCK_CONTENT = json.dumps(
    {
        "ID": "5d0f7a3e-0000-0000-0000-000000000000",
        "Operation": "OperationTypeApply",
        "Info": "",
        "Who": "ann@elsewhere",
        "Version": "1.11.4",
        "Created": "2026-01-01T00:00:00Z",
        "Path": "stockroom-dev-state-111111111111/records/terraform.tfstate",
    }
)


@contextmanager
def bundle_is_gone(world: World) -> Iterator[Shell]:
    """Another release runs in dev, and what the base's function was made of is no more in the artifact bucket."""
    s3, bucket = world.client("s3"), world.bucket("artifacts")
    before = set(world.objects("artifacts"))
    world.commit({"functions/records/greet/greet.py": "def handler(event: object, context: object) -> None: ...\n"})
    world.promote()
    kept = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in before}
    for key in kept:
        s3.delete_object(Bucket=bucket, Key=key)
    yield {}
    for key, content in kept.items():
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    world.start_over()


OTHER_CODE = "def handler(event: object, context: object) -> None:\n    raise SystemExit\n"


def other_code() -> bytes:
    """A zip that works and that nobody has tested."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("greet.py", OTHER_CODE)
    return content.getvalue()


@contextmanager
def other_bundle(world: World) -> Iterator[Shell]:
    """Under the name of a new release's bundle something else lies in the artifact bucket already."""
    world.commit({"functions/records/greet/greet.py": "def handler(event: object, context: object) -> None: pass\n"})
    key = f"greet/{world.release()['artifacts'][STACK]['bundles']['greet']}.zip"
    world.client("s3").put_object(Bucket=world.bucket("artifacts"), Key=key, Body=other_code())
    yield {}
    world.start_over()


@contextmanager
def code_by_hand(world: World) -> Iterator[Shell]:
    """Somebody has published a version of the function from code of their own: to Terraform nothing has changed."""
    functions, name = world.client("lambda"), "stockroom-dev-greet"
    key = f"greet/{world.release()['artifacts'][STACK]['bundles']['greet']}.zip"
    functions.update_function_code(FunctionName=name, ZipFile=other_code(), Publish=True)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    yield {}
    functions.update_function_code(FunctionName=name, S3Bucket=world.bucket("artifacts"), S3Key=key, Publish=True)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)


# The account


@contextmanager
def greeting_by_hand(world: World) -> Iterator[Shell]:
    name = "/stockroom/dev/greeting"
    world.client("ssm").put_parameter(Name=name, Value="by hand", Type="String", Overwrite=True)
    yield {}


@contextmanager
def greeting_by_hand_in_prod(world: World) -> Iterator[Shell]:
    name = "/stockroom/prod/greeting"
    ssm = world.client("ssm", "prod")
    ssm.put_parameter(Name=name, Value="by hand", Type="String", Overwrite=True)
    yield {}
    ssm.put_parameter(Name=name, Value="hello", Type="String", Overwrite=True)


@contextmanager
def log_group_deleted(world: World) -> Iterator[Shell]:
    world.client("logs").delete_log_group(logGroupName="/stockroom/dev/records")
    yield {}


# While a command runs

EXTRA = {
    stack_file("extra"): """resource "aws_iam_role" "extra" {
  name               = "${var.project_name}-${var.environment}-extra"
  assume_role_policy = aws_iam_role.greet.assume_role_policy
}
""",
    tfvars("dev"): 'greeting = "more"\n',
}


def wait_for_apply(world: World, *words: str) -> None:
    """Return when Terraform, of a promotion that has just been started, has begun to apply, and written a line with all
    of the words."""
    promotions = world.run_dir / "promotion" / "dev"
    earlier = set(promotions.iterdir())

    def seen() -> bool:
        folders = set(promotions.iterdir()) - earlier
        logs = [path.read_text() for folder in folders for path in folder.glob(f"*/{STACK}.log")]
        lines = [line for text in logs for line in text.splitlines() if '"type":"apply_' in line]
        return any(all(word in line for word in words) for line in lines)

    wait_until(seen, seconds=COMMAND_SECONDS)


def interrupt(world: World, process: subprocess.Popen[str]) -> None:
    """Ctrl-C while the apply waits in the middle."""
    wait_for_apply(world)
    process.send_signal(signal.SIGINT)


def cut_network(world: World, process: subprocess.Popen[str]) -> None:
    """The network fails when one resource was made and another is still to come; later it is there again."""
    wait_for_apply(world, '"type":"apply_complete"', '"addr":"aws_iam_role.extra"')
    world.wire.cut()
    wait_until(lambda: process.poll() is not None, seconds=COMMAND_SECONDS)
    world.wire.mend()


@contextmanager
def network_that_fails(world: World) -> Iterator[Shell]:
    """A new release, promoted through a wire that can be cut."""
    world.commit(EXTRA)
    world.wire = Wire(world.port)
    yield {"STOCKROOM_ENGINE": "external", "STOCKROOM_ENDPOINT": f"http://127.0.0.1:{world.wire.port}"}
    world.wire.cut()
    world.start_over()


def kill_engine(world: World, process: subprocess.Popen[str]) -> None:
    wait_for_apply(world)
    psutil.Process(json.loads((world.run_dir / "engine" / "pid").read_text())["pid"]).kill()
