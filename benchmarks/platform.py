"""The platforms of one run: brought up and taken down with the commands that users have."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar, cast

import psutil

from benchmarks.commands import Checkout, Done
from seed import STACK
from stockroom.aws import session_for
from stockroom.console import Steps
from stockroom.environments import LOCAL, read_environment
from stockroom.errors import StockroomError
from stockroom.project import HOME, ROOT
from stockroom.settings import DEFAULT_ENGINE, Settings
from stockroom.system.processes import port_answers, processes_in
from stockroom.testing.own_platform import own_folder, take_down, undisturbed

if TYPE_CHECKING:
    import boto3

T = TypeVar("T")

BENCH_DIR = HOME / "bench"

_PATIENCE_SECONDS = 300
_QUIET_SECONDS = 3
_LOOK_PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Deployed:
    """A platform that is up, as its AWS APIs show it."""

    endpoint: str
    outputs: Mapping[str, Any]
    session: boto3.Session

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    def wait_until_quiet(self) -> None:
        """Return when no queue has held a message for a while. Raises StockroomError when that never happens."""
        sqs = self.client("sqs")
        urls = [*self.outputs["queue_urls"].values()]
        deadline, quiet_since = monotonic() + _PATIENCE_SECONDS, monotonic()
        while monotonic() - quiet_since < _QUIET_SECONDS:
            if monotonic() > deadline:
                raise StockroomError(f"the platform is still at work after {_PATIENCE_SECONDS} s")
            if any(messages_in(sqs, url) for url in urls if not url.endswith(".fifo")):  # nothing reads that one
                quiet_since = monotonic()
            sleep(_LOOK_PAUSE_SECONDS)


def messages_in(sqs: Any, url: str) -> int:
    """Messages of a queue that wait or that somebody works on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


class Platform:
    """The platform of one checkout on a port and in a folder of its own."""

    def __init__(self, root: Path, settings: Settings, steps: Steps) -> None:
        self.settings = settings
        self._steps = steps
        self.checkout = Checkout(root, setting_variables(settings))

    def invoke(self, *words: str, **more: str) -> Done:
        """Run a task against the platform, and tell how long it took."""
        done = self.checkout.invoke(*words, **more)
        self._steps.note(f"{' '.join(words)}: {done.seconds:.1f} s")
        return done

    def fresh(self, *words: str) -> Deployed:
        """A platform that was just brought up by `infra-up` with these options."""
        self.invoke("infra-down")
        self.invoke("infra-up", *words)
        return self.deployed()

    def deployed(self) -> Deployed:
        status = json.loads(self.checkout.invoke("infra-status", "--json").output)
        session = session_for(read_environment(LOCAL), status["endpoint"])
        # An older commit, beside which this one is measured, tells the outputs of its only stack.
        outputs = status["outputs"].get(STACK, status["outputs"])
        return Deployed(status["endpoint"], outputs, session)

    def fresh_and_quiet(self) -> Deployed:
        """A fresh platform that has worked off the sample data."""
        deployed = self.fresh()
        self.invoke("report", "--json")  # waits until all of it has arrived
        deployed.wait_until_quiet()
        return deployed

    def stand_still(self) -> None:
        """Stop the emulator and its functions as they are, so that they take nothing of the machine but memory."""
        for process in self._processes():
            process.suspend()

    def go_on(self) -> None:
        for process in self._processes():
            process.resume()

    def _processes(self) -> list[psutil.Process]:
        return list(processes_in(self.settings.engine_dir))

    def wait_until_packed(self) -> None:
        """Return when no snapshot is being packed in the background."""
        while any(map(_is_packing, self._processes())):
            sleep(_LOOK_PAUSE_SECONDS)


def _is_packing(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "stockroom.snapshots.background" in process.cmdline()
    return False


def setting_variables(settings: Settings) -> dict[str, str]:
    """The settings of a run's platform; what a user set is overruled but for Terraform and its provider."""
    found = {"TERRAFORM": settings.terraform, "PROVIDER_MIRROR": settings.provider_mirror}
    own = {
        "ENGINE": settings.engine,
        "PORT": settings.port,
        "RUN_DIR": settings.run_dir,
        "SNAPSHOTS": "on",
        "SNAPSHOTS_DIR": settings.snapshots_dir,
        "SEED_DATASET": "",
    }
    return {f"STOCKROOM_{name}": str(value) for name, value in (own | found).items() if value is not None}


class Bench:
    """What the benchmarks of one run share: its folder, how much is measured, and platforms of its own."""

    def __init__(self, folder: Path, settings: Settings, quick: bool, against: str | None, steps: Steps) -> None:
        self.quick = quick
        self.against = against
        self.steps = steps
        self._found: dict[Callable[[Bench], Any], Any] = {}
        self.work = folder / "platform" / "work"
        self.work.mkdir(parents=True)
        self.settings = settings
        self.here = Platform(ROOT, settings, steps)

    def once(self, measure: Callable[[Bench], T]) -> T:
        """What `measure` finds, measured once in this run for all benchmarks that want it."""
        if measure not in self._found:
            self._found[measure] = measure(self)
        return cast(T, self._found[measure])

    def rounds(self, few: int, many: int) -> int:
        return few if self.quick else many

    @cached_property
    def before(self) -> Platform:
        """The platform of the commit to compare with. Its emulator and bundles are made when it first comes up."""
        assert self.against
        root = self.work / "against"
        unpack_commit(self.against, root)
        # A platform's folder must not hold the checkout whose platform it is.
        own = {"run_dir": self.work / "against-run", "port": choose_port(self.settings.port)}
        settings = self.settings.model_copy(update=own)
        return Platform(root, settings, self.steps)


def read_commit(name: str) -> str:
    """The short hash of a commit of this repository. Raises StockroomError when there is none of that name."""
    words = ["git", "rev-parse", "--verify", "--short", f"{name}^{{commit}}"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StockroomError(f"--against {name}: there is no such commit", "name a commit of this repository")
    return done.stdout.strip()


def unpack_commit(commit: str, target: Path) -> None:
    """The files of a commit."""
    done = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(target, filter="data")


@contextlib.contextmanager
def own_bench(settings: Settings, quick: bool, against: str | None, steps: Steps) -> Iterator[tuple[Path, Bench]]:
    """The folder of one run and what its benchmarks share; however it ends, nothing that was started goes on."""
    if settings.engine != DEFAULT_ENGINE:
        raise StockroomError(
            f"benchmarks start an engine of their own, and STOCKROOM_ENGINE={settings.engine} is not that one",
            "unset STOCKROOM_ENGINE",
        )
    with own_folder("invoke bench", steps, BENCH_DIR) as folder:
        port = choose_port(settings.port)
        platform = folder / "platform"
        platform.mkdir()
        # For whoever has to take down what a killed run left.
        (folder / "platform.json").write_text(json.dumps({"engine": settings.engine, "port": port}))
        own = settings.model_copy(
            update={
                "port": port,
                "run_dir": platform,
                "snapshots_dir": platform / "snapshots",
                "snapshots": "on",
                "seed_dataset": None,
            }
        )
        try:
            yield folder, Bench(folder, own, quick, against, steps)
        finally:
            with undisturbed():
                take_down(folder)


def choose_port(users: int) -> int:
    """The first free port above the one of the user's own platform."""
    return next(port for port in range(users + 1, users + 1000) if not port_answers("127.0.0.1", port))
