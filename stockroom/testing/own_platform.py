"""A platform for tests: a folder and a port of its own, so that it disturbs neither a running one nor another test run.

.stockroom/e2e/<start>/         one run; its reports stay here
    lock                        held for as long as the run lives, however it ends
    platform/                   run directory of the platform; gone when the platform is
    logs/                       of the emulator and of Terraform, when the platform is gone
    platform.json               engine and port, for whoever has to take down what a killed run left
    kept                        the platform is to outlive its run
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event

from stockroom.aws import session_for
from stockroom.console import Steps
from stockroom.engines import make_engine
from stockroom.environments import LOCAL, local_process_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.local.down import infra_down
from stockroom.local.request import make_request
from stockroom.local.running import deployed_outputs
from stockroom.local.up import infra_up
from stockroom.project import HOME
from stockroom.releases.artifacts import Hashes, hashes_in
from stockroom.releases.code import clean_code
from stockroom.releases.release import Release
from stockroom.settings import Settings
from stockroom.stacks import read_manifests
from stockroom.system.file_lock import exclusive
from stockroom.system.processes import free_port, port_answers, processes_in, stop

E2E_DIR = HOME / "e2e"

_RUNS_KEPT = 10

# A snapshot is of one endpoint, so runs use the same few ports again.
_PORTS = range(4700, 4720)


@contextlib.contextmanager
def own_folder(purpose: str, steps: Steps, runs: Path = E2E_DIR) -> Iterator[Path]:
    """A folder for one run, also reachable as `latest`. Before, what killed runs left is taken down and removed."""
    with contextlib.ExitStack() as held:
        # Nobody may take a folder for a dead run's between its making and its lock.
        with exclusive(runs / "lock", purpose, steps.note):
            clean_up(runs, steps)
            folder = runs / f"{datetime.now():%Y%m%d-%H%M%S-%f}"
            folder.mkdir()
            held.enter_context(exclusive(folder / "lock", purpose, steps.note))
            _link(runs / "latest", folder)
        yield folder


def _link(name: Path, folder: Path) -> None:
    draft = name.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder.name)
    draft.replace(name)


def finished_runs(runs: Path) -> list[Path]:
    """The folders of runs that have ended, and whose platform is gone."""
    return [folder for folder in _ended_runs(runs) if not (folder / "platform").exists()]


def _ended_runs(runs: Path) -> list[Path]:
    if not runs.is_dir():
        return []
    folders = sorted(path for path in runs.iterdir() if path.is_dir() and not path.is_symlink())
    return [folder for folder in folders if not _is_held(folder / "lock")]


def clean_up(runs: Path, steps: Steps) -> None:
    """Take down the platforms of runs that were killed, and remove the folders of all but the last ten runs."""
    for folder in _ended_runs(runs):
        if (folder / "platform").exists() and not _is_kept(folder):
            steps.note(f"taking down the platform of a run that was killed ({folder.name})")
            take_down(folder)
    finished = finished_runs(runs)
    for folder in finished[: max(0, len(finished) + 1 - _RUNS_KEPT)]:
        shutil.rmtree(folder, ignore_errors=True)


def _is_held(lock: Path) -> bool:
    try:
        with lock.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _is_kept(folder: Path) -> bool:
    settings = _settings_of(folder)
    return settings is not None and (folder / "kept").exists() and make_engine(settings).is_running()


def _settings_of(folder: Path) -> Settings | None:
    """The settings of the platform in the folder; None when there are none, or they can't be read."""
    try:
        return Settings(run_dir=folder / "platform", **json.loads((folder / "platform.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def take_down(folder: Path) -> None:
    """Stop everything that the run in this folder started, and remove its platform but for its logs."""
    _save_logs(folder / "platform", folder / "logs")
    if settings := _settings_of(folder):
        infra_down(settings, keep_state=False, steps=Steps(quiet=True))
    stop(list(processes_in(folder)), patience=2)
    shutil.rmtree(folder / "platform", ignore_errors=True)


def _save_logs(platform: Path, target: Path) -> None:
    """Copy the logs to the same relative places."""
    for log in (*platform.glob("engine/*.log"), *platform.glob("terraform/*/*.log")):
        copy = target / log.relative_to(platform)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(log, copy)


def choose_port(runs: Path) -> int:
    """A port that no other run has, the same again as far as possible; for one at a time."""
    taken = {settings.port for platform in runs.glob("*/platform") if (settings := _settings_of(platform.parent))}
    usual = (port for port in _PORTS if port not in taken and not port_answers("127.0.0.1", port))
    return next(usual, None) or free_port()


class OwnPlatform:
    """A platform in a folder of `own_folder`, brought up and taken down by what `infra-up` and `infra-down` call.

    It is of the commit: built from a clean check-out, unless the work tree differs from that, which its release says.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        if not make_engine(settings).capabilities.managed:
            raise StockroomError(
                f"end-to-end tests start an engine of their own, and STOCKROOM_ENGINE={settings.engine} starts none",
                "unset STOCKROOM_ENGINE, or name another engine",
            )
        own = {"engine": settings.engine, "docker_image": settings.docker_image}
        with exclusive(folder.parent / "lock", "choose a port", Steps(quiet=True).note):
            own_port = {"port": choose_port(folder.parent)}
            (folder / "platform.json").write_text(json.dumps(own | own_port))
            (folder / "platform").mkdir()
        self.folder = folder
        self.settings = settings.model_copy(
            update=own | own_port | {"run_dir": folder / "platform", "seed_dataset": None, "stacks": None}
        )
        self.kept = False
        self._outputs_file = folder / "outputs.json"
        self._starting: Future[Release] | None = None
        self._stopping = Event()

    @property
    def endpoint(self) -> str:
        return self.settings.local_endpoint

    def start_in(self, pool: ThreadPoolExecutor, steps: Steps) -> None:
        """Begin to bring the platform up, seeded with the sample, in a thread of the pool."""
        self._starting = pool.submit(self._start, steps)

    def wait_until_up(self) -> Release:
        """The release that is deployed, as soon as it is. Raises StockroomError when the platform doesn't come up."""
        assert self._starting
        try:
            return self._starting.result()
        except StockroomError as error:
            # Its logs are all that will be left of it.
            error.hint = error.hint and error.hint.replace(str(self.settings.run_dir), str(self.folder / "logs"))
            raise

    def _start(self, steps: Steps) -> Release:
        code = clean_code(self.settings.run_dir / "committed")
        if code.changed:
            more = f" and {len(code.changed) - 1} more" if len(code.changed) > 1 else ""
            steps.note(
                f"the work tree differs from its commit ({code.changed[0]}{more}), so no promotion takes its evidence"
            )
        # All of the release, whatever stacks `infra-up` brings up: the evidence is about all of it.
        request = make_request(self.settings, sorted(read_manifests()))
        request = replace(request, code=code)
        summary = infra_up(self.settings, request, steps, self._give_up_when_stopping)
        environment = read_environment(LOCAL)
        session = session_for(environment, self.endpoint)
        self._outputs_file.write_text(json.dumps(deployed_outputs(environment, session)))
        return summary.release

    def _give_up_when_stopping(self) -> None:
        if self._stopping.is_set():
            raise KeyboardInterrupt

    def artifacts(self) -> Hashes:
        """Those that Terraform was given."""
        files = sorted(self.settings.run_dir.glob(f"terraform/{LOCAL}/stacks/*/release.auto.tfvars.json"))
        return hashes_in({path.parent.name: json.loads(path.read_text()) for path in files})

    def test_environment(self) -> dict[str, str]:
        """The variables of tests that see the platform through AWS APIs only."""
        extra = {"STOCKROOM_E2E_OUTPUTS": str(self._outputs_file), "STOCKROOM_TEST_ENDPOINT": self.endpoint}
        return local_process_environment(os.environ, self.endpoint, read_environment(LOCAL).region, extra)

    def keep(self) -> None:
        """Let the platform outlive its run."""
        (self.folder / "kept").touch()
        self.kept = True

    def stop(self, steps: Steps) -> None:
        """Take the platform down, even while it is still coming up."""
        with undisturbed(), steps.step("platform") as step:
            step.say("stopping")
            self._stopping.set()
            while self._starting and not self._starting.done():
                # It holds the platform's lock, and gives up when its engine has gone.
                make_engine(self.settings).stop()
                stop(list(processes_in(self.settings.run_dir)), patience=10)
                wait([self._starting], timeout=0.5)
            take_down(self.folder)
            step.say(f"stopped; its logs are in {self.folder / 'logs'}")


@contextlib.contextmanager
def own_platform(settings: Settings, purpose: str, steps: Steps) -> Iterator[OwnPlatform]:
    """A platform that is coming up (`wait_until_up`), taken down at the end unless it is to be kept."""
    with own_folder(purpose, steps) as folder, ThreadPoolExecutor(1) as pool:
        platform = OwnPlatform(settings, folder)
        try:
            platform.start_in(pool, steps)
            yield platform
        finally:
            if not platform.kept:
                platform.stop(steps)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """A further Ctrl-C while everything is being stopped would leave some of it running."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
