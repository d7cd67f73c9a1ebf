"""Bringing the local platform up: what stockroom.local.decide decides is done here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING

from stockroom.aws import session_for
from stockroom.console import Steps
from stockroom.deployed.completeness import count_seeded, prepare
from stockroom.deployed.outputs import Key, urls_of
from stockroom.engines import make_engine
from stockroom.engines.emulator_state import event_sources_rest
from stockroom.environments import LOCAL, Environment, enter_local_environment, read_environment
from stockroom.errors import StockroomError
from stockroom.local import decide
from stockroom.local.decide import (
    AfterFailure,
    Held,
    Start,
    after_failed_deployment,
    how_to_start,
    is_as_wanted,
    steps_to,
)
from stockroom.local.deployment import Deployment, build
from stockroom.local.request import Request
from stockroom.local.running import deployed_outputs, platform_lock, running_session, start_engine
from stockroom.local.seeding import Seeders, check_dataset, seed_stacks
from stockroom.releases.artifacts import Artifacts
from stockroom.releases.code import work_tree
from stockroom.releases.release import Release
from stockroom.seeder import Loaded
from stockroom.settings import Settings
from stockroom.side_by_side import Failed, Outcome, results_of
from stockroom.snapshots.keys import Parts
from stockroom.snapshots.platform import PlatformSnapshots, label_of_snapshot, open_snapshots, unavailable_reason
from stockroom.snapshots.record import forget_record, read_record
from stockroom.snapshots.sources import read_parts
from stockroom.stacks import Manifests, read_manifests, seeders
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.binary import Binary, find_binary
from stockroom.terraform.process import ResourceExistsError

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Summary:
    """What `infra-up` did: apply results and what was loaded, by stack.

    `origin` tells in words what it began with, or is None after a cold start and on a platform that ran. `urls` can be
    opened in a browser, by stack and output.
    """

    endpoint: str
    release: Release
    applied: Mapping[str, ApplyResult] = field(default_factory=dict)
    seeded: Mapping[str, Loaded] = field(default_factory=dict)
    origin: str | None = None
    urls: Mapping[Key, str] = field(default_factory=dict)


def infra_up(settings: Settings, request: Request, steps: Steps, watch: Callable[[], None] = lambda: None) -> Summary:
    """Bring the local platform up, or repair what is missing of it; run again, it changes nothing else.

    `watch` is called after a failure that it could recover from, and may raise: somebody may have ended the engine.
    """
    environment = read_environment(LOCAL)
    # First of all, so that every process which is started sees dummy credentials, even one that asks for a version.
    enter_local_environment(settings.local_endpoint, environment.region)
    binary = find_binary(settings)
    manifests = read_manifests()
    loading = seeders(manifests, request.stacks) if request.seed else {}
    check_dataset(loading, request.dataset, request.stacks)
    with platform_lock(settings, "invoke infra-up", steps):
        return _BringingUp(settings, environment, binary, request, manifests, loading, steps, watch).run()


class _BringingUp:
    """One `infra-up`, which holds the platform's lock."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        binary: Binary,
        request: Request,
        manifests: Manifests,
        loading: Seeders,
        steps: Steps,
        watch: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._binary = binary
        self._request = request
        self._seeders = loading
        self._code = request.code or work_tree()
        self._steps = steps
        self._watch = watch
        self._manifests = manifests
        self._engine = make_engine(settings)
        self._snapshots = self._open_snapshots()
        self._ending = ExitStack()
        self._origin: str | None = None
        self._applied: Mapping[str, ApplyResult] = {}
        self._loaded: dict[str, Loaded] = {}

    def _open_snapshots(self) -> PlatformSnapshots | None:
        if not self._request.snapshots or unavailable_reason(self._settings):
            return None
        try:
            return open_snapshots(self._settings, self._engine, self._steps)
        except (StockroomError, OSError) as error:
            self._steps.note(f"going on without snapshots: {error}")
            return None

    def run(self) -> Summary:
        with self._ending:
            with ThreadPoolExecutor(2) as pool:
                building = pool.submit(build, self._code, self._steps)
                held = self._start(building, pool)
                artifacts, release = building.result()
            self._bring_to(replace(self._wanted, release=release.digest), held, artifacts, release)
        return Summary(self._engine.endpoint, release, self._applied, self._loaded, self._origin, self._urls())

    def _urls(self) -> dict[Key, str]:
        if not any(one.urls for one in self._manifests.values()):
            return {}
        return urls_of(self._manifests, deployed_outputs(self._environment, self._session))

    def _start(self, building: Future[tuple[Artifacts, Release]], pool: ThreadPoolExecutor) -> Held:
        """Let the engine run, with as much of what is wanted as there is; returns what it then holds."""
        snapshots = self._snapshots
        saved = snapshots is not None and snapshots.may_begin(self._wanted)
        match how_to_start(self._engine.is_running(), snapshots is not None, saved):
            case Start.CHANGE:
                return self._look(building)
            case Start.RESTORE:
                self._deployment.wait_for_left_behind()
                wanted = replace(self._wanted, release=building.result()[1].digest)
                return self._restore(wanted) or self._start_empty(building, pool)
            case Start.EMPTY:
                return self._start_empty(building, pool)

    def _look(self, building: Future[tuple[Artifacts, Release]]) -> Held:
        record = None
        if self._snapshots:
            wanted = replace(self._wanted, release=building.result()[1].digest)
            record = read_record(self._settings.engine_dir)
            if record and self._snapshots.is_unchanged(wanted):
                self._origin = "nothing has changed"
                return Held(record.parts, pristine=False)
        self._engine.check()
        self._start_engine()
        return Held(record.parts if record else None, pristine=False, whole=False)

    def _restore(self, wanted: Parts) -> Held | None:
        assert self._snapshots
        found = self._snapshots.begin(wanted, self._watch)
        if found is None:
            return None
        header, kept = found
        kept_at = f"{header.created[:16].replace('T', ' ')} UTC"
        self._origin = (
            f"with the data that was kept at {kept_at}" if kept else f"from the snapshot {label_of_snapshot(header)}"
        )
        return Held(header.parts, pristine=not kept)

    def _start_empty(self, building: Future[tuple[Artifacts, Release]], pool: ThreadPoolExecutor) -> Held:
        """The engine and Terraform get ready side by side."""
        self._engine.check()
        stopped = Event()

        def watch() -> None:
            if stopped.is_set():
                raise KeyboardInterrupt

        setting_up = pool.submit(lambda: self._deployment.set_up(building.result()[0], True, watch, self._ending))
        try:
            pristine = self._start_engine()
            setting_up.result()
        except BaseException:
            stopped.set()
            raise
        return Held(None, pristine)

    def _start_engine(self) -> bool:
        return start_engine(self._settings, self._engine, self._steps, lambda: prepare(self._session))

    def _bring_to(self, wanted: Parts, held: Held, artifacts: Artifacts, release: Release) -> None:
        steps = steps_to(wanted, held, self._snapshots is not None)
        if any(isinstance(step, decide.Deploy | decide.Seed) for step in steps):
            forget_record(self._settings.engine_dir)
        for step in steps:
            match step:
                case decide.LayOut():
                    self._deployment.lay_out(artifacts)
                case decide.Deploy():
                    failure = self._deploy(held, artifacts, release)
                    if failure:
                        self._start_afresh(failure)
                        return self._bring_to(wanted, Held(None, pristine=True), artifacts, release)
                case decide.Rest() if self._engine.capabilities.snapshots:
                    self._ending.enter_context(event_sources_rest(self._engine.endpoint))
                case decide.Seed():
                    self._loaded = self._seed()
                case decide.Save(parts, publish):
                    self._save(parts, publish)
        return None

    def _deploy(self, held: Held, artifacts: Artifacts, release: Release) -> StockroomError | None:
        """Deploy the stacks. Returns the failure after which all is to begin again; others are raised."""
        if not self._deployment.is_set_up:
            self._deployment.set_up(artifacts, False, lambda: None, self._ending)
        outcomes: dict[str, Outcome[ApplyResult]] = {}
        try:
            outcomes = self._deployment.deploy(artifacts, release)
            self._applied = results_of(outcomes, "apply")
            return None
        except StockroomError as error:
            self._watch()
            errors = [one.error for one in outcomes.values() if isinstance(one, Failed)]
            exists = any(isinstance(one, ResourceExistsError) for one in errors)
            managed = self._engine.capabilities.managed
            before = exists and managed and self._deployment.was_deployed()
            match after_failed_deployment(held, exists, managed, before):
                case AfterFailure.RAISE:
                    raise
                case AfterFailure.RAISE_LEFT_BEHIND:
                    error.hint = (
                        "a killed run left it without a state: delete it with awslocal and run the command again, or "
                        "start afresh with `invoke infra-down && invoke infra-up`, which loses the platform's data"
                    )
                    raise
                case AfterFailure.START_AFRESH:
                    return error

    def _start_afresh(self, error: StockroomError) -> None:
        if self._origin:
            self._steps.note(f"starting afresh, since the deployment did not go on {self._origin}: {error.message}")
        else:
            # A Terraform that was killed had created resources and not yet written them to its state.
            self._steps.note(f"starting afresh: {error.message}, since a killed run left resources without a state")
        self._origin = None
        self._engine.stop()
        self._start_engine()

    def _seed(self) -> dict[str, Loaded]:
        request, folder = self._request, self._settings.run_dir / "seed"
        return seed_stacks(
            self._seeders, request.dataset, self._environment, self._session, self._engine.endpoint, folder, self._steps
        )

    def _save(self, parts: Parts, publish: bool) -> None:
        assert self._snapshots
        if not is_as_wanted(parts, {stack: one.fingerprint for stack, one in self._loaded.items()}):
            # Others would begin with it who ask for the data as it was.
            self._steps.note(f"no snapshot is saved: {self._request.dataset.path} changed before it was loaded")
            return
        counts = {}
        if parts.seeded:
            outputs = deployed_outputs(self._environment, self._session)
            counts = count_seeded(self._session, outputs, seeders(self._manifests, parts.seeds))
        self._snapshots.take(parts, counts, publish)

    @cached_property
    def _session(self) -> boto3.Session:
        return session_for(self._environment, self._engine.endpoint)

    @cached_property
    def _deployment(self) -> Deployment:
        return Deployment(
            self._settings, self._environment, self._binary, self._code, self._manifests, self._request.stacks,
            self._engine, self._session, self._steps,
        )  # fmt: skip

    @cached_property
    def _wanted(self) -> Parts:
        """The parts of the platform that is to come up, but for its release."""
        seeds = {stack: seeder.fingerprint(self._request.dataset) for stack, seeder in self._seeders.items()}
        return read_parts(self._settings, self._binary, self._request.stacks, "", seeds, self._manifests)


def seed(settings: Settings, request: Request, steps: Steps) -> dict[str, Loaded]:
    """Load the request's dataset into the running platform."""
    engine, environment, session = running_session(settings)
    loading = seeders(read_manifests(), request.stacks)
    check_dataset(loading, request.dataset, request.stacks)
    with platform_lock(settings, "invoke seed", steps):
        folder = settings.run_dir / "seed"
        return seed_stacks(loading, request.dataset, environment, session, engine.endpoint, folder, steps)
