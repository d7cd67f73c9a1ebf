"""Bringing the local platform up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from stockroom.aws import session_for
from stockroom.bootstrap import bootstrap
from stockroom.console import Steps
from stockroom.deployed.completeness import count_seeded, prepare
from stockroom.deployed.live_alias import shift
from stockroom.deployed.secrets import fill_empty
from stockroom.deployed.terraform_state import read_deployed, record_release, release_stale_lock
from stockroom.engines import Engine, make_engine
from stockroom.engines.emulator_state import event_sources_rest
from stockroom.environments import (
    LOCAL,
    Environment,
    check_stack,
    enter_local_environment,
    read_environment,
    stack_names,
)
from stockroom.errors import StockroomError
from stockroom.local.running import deployed_outputs, platform_lock, running_session
from stockroom.project import read_project
from stockroom.releases.artifact_bucket import upload_artifacts
from stockroom.releases.artifacts import Artifacts, described
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import Code, work_tree
from stockroom.releases.release import Release, read_release, release_variables
from stockroom.settings import Settings
from stockroom.snapshots.keys import Parts
from stockroom.snapshots.platform import PlatformSnapshots, open_snapshots, unfinished, why_none, words
from stockroom.snapshots.record import (
    forget_record,
    write_started,
)
from stockroom.snapshots.sources import dataset_part, is_of_file, read_parts
from stockroom.stacks import default_stacks, in_order, read_manifests, with_needs
from stockroom.system.processes import stop
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.binary import Binary, find_binary
from stockroom.terraform.local_directory import Stack
from stockroom.terraform.process import ResourceExistsError, wait_for_left_behind
from stockroom.terraform.provider import Attachment

if TYPE_CHECKING:
    import boto3

    from seed import SeedReport


SEEDED_STACK = "data_platform"

_LEFT_BEHIND_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Request:
    """What `infra-up` was asked for: stacks in order, whether and from which file to seed, whether to use snapshots.

    `code` is what is deployed; None is the work tree as it is then.
    """

    stacks: list[str]
    seed: bool
    dataset: Path | None
    date_order: str | None
    duplicates: str
    snapshots: bool = True
    code: Code | None = None


@dataclass(frozen=True)
class Summary:
    """What `infra-up` did: apply results by stack, the seed report.

    `origin` tells in words what it began with, or is None after a cold start and on a platform that ran.
    """

    endpoint: str
    release: Release
    applied: dict[str, ApplyResult]
    seeded: SeedReport | None
    origin: str | None = None


def make_request(
    settings: Settings,
    stack: str,
    seed: bool,
    dataset: str,
    date_order: str,
    duplicates: str,
    snapshots: bool = True,
) -> Request:
    """A request from the words of the command line. Raises StockroomError for what can not be done."""
    manifests = read_manifests()
    wanted = [check_stack(stack)] if stack else default_stacks(manifests, read_project().stacks)
    stacks = in_order(manifests, with_needs(manifests, wanted))
    for option, value, known in (
        ("--date-order", date_order, ("", "mdy", "dmy")),
        ("--duplicates", duplicates, ("keep", "drop")),
    ):
        if value not in known:
            raise StockroomError(f"{option} {value}: not known", f"it is one of: {', '.join(filter(None, known))}")
    if dataset and not seed:
        raise StockroomError("--dataset and --no-seed contradict each other", "leave one of them out")
    file = Path(dataset).expanduser().absolute() if dataset else settings.seed_dataset
    return Request(stacks, seed and SEEDED_STACK in stacks, file, date_order or None, duplicates, snapshots)


def infra_up(settings: Settings, request: Request, steps: Steps, watch: Callable[[], None] = lambda: None) -> Summary:
    """Bring the local platform up, or repair what is missing of it; run again, it changes nothing else.

    `watch` is called after a failure that it could recover from, and may raise: somebody may have ended the engine.
    """
    environment = read_environment(LOCAL)
    # First of all, so that every process which is started sees dummy credentials, even one that asks for a version.
    enter_local_environment(settings.local_endpoint, environment.region)
    binary = find_binary(settings)
    if request.seed and request.dataset:
        from seed import check

        check(request.dataset)
    with platform_lock(settings, "invoke infra-up", steps):
        return _BringingUp(settings, environment, binary, request, steps, watch).run()


class _BringingUp:
    """One `infra-up`, which holds the platform's lock."""

    def __init__(
        self,
        settings: Settings,
        environment: Environment,
        binary: Binary,
        request: Request,
        steps: Steps,
        watch: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._binary = binary
        self._request = request
        self._code = request.code or work_tree()
        self._steps = steps
        self._watch = watch
        self._engine = make_engine(settings)
        self._snapshots = self._open_snapshots()
        self._ending = ExitStack()
        self._attached = Attachment()

    def _open_snapshots(self) -> PlatformSnapshots | None:
        if not self._request.snapshots or why_none(self._settings):
            return None
        try:
            return open_snapshots(self._settings, self._engine, self._steps)
        except (StockroomError, OSError) as error:
            self._steps.note(f"going on without snapshots: {error}")
            return None

    def run(self) -> Summary:
        with self._ending:
            return self._run()

    def _run(self) -> Summary:
        with ThreadPoolExecutor(2) as pool:
            building = pool.submit(_build, self._code, self._steps)
            begun = self._begin_with_snapshot(building)
            if begun is None:
                self._engine.check()
                stopped = Event()
                setting_up = pool.submit(self._set_up, building, stopped, not self._engine.is_running())
                try:
                    begun = _Begun(None, pristine=self._start_engine())
                    setting_up.result()
                except BaseException:
                    stopped.set()
                    raise
            artifacts, release = building.result()
        wanted = replace(self._wanted, release=release.digest) if self._snapshots else None
        applied: dict[str, ApplyResult] = {}
        seeded = None
        if wanted is None or begun.parts != wanted:
            forget_record(self._settings.engine_dir)
            if wanted is None or not begun.parts or begun.parts.unseeded() != wanted.unseeded():
                if begun.parts:
                    self._set_up(building, Event(), nothing_deployed=False)
                applied, begun = self._deploy(begun, artifacts, release)
                if wanted and wanted.seeded and begun.pristine:
                    self._take(wanted.unseeded(), publish=True)
            # The processors are for the seeding and its snapshot, for which nothing need be waited for then either.
            with self._event_sources_rest() if begun.pristine else nullcontext():
                if self._request.seed:
                    seeded = self._seed()
                if wanted and self._is_as_wanted(wanted, seeded):
                    self._take(wanted, publish=begun.pristine)
        else:
            for stack in self._stacks:
                stack.prepare(release_variables(self._environment, stack.name, artifacts))
        return Summary(self._engine.endpoint, release, applied, seeded, begun.origin)

    def _begin_with_snapshot(self, building: Future[tuple[Artifacts, Release]]) -> _Begun | None:
        """What the platform then holds, if it is known; None when the engine is to be started, or runs and is to be
        changed."""
        snapshots, running = self._snapshots, self._engine.is_running()
        if snapshots is None or not (running or snapshots.may_begin(self._wanted)):
            return None
        wanted = replace(self._wanted, release=building.result()[1].digest)
        if running:
            unchanged = snapshots.is_unchanged(wanted)
            return _Begun(wanted, pristine=False, origin="nothing has changed") if unchanged else None
        self._wait_for_left_behind()
        if found := snapshots.begin(wanted, self._watch):
            header, kept = found
            kept_at = f"{header.created[:16].replace('T', ' ')} UTC"
            origin = f"with the data that was kept at {kept_at}" if kept else f"from the snapshot {words(header)}"
            return _Begun(header.parts, pristine=not kept, origin=origin)
        return None

    def _set_up(self, building: Future[tuple[Artifacts, Release]], stopped: Event, nothing_deployed: bool) -> None:
        """What Terraform needs before it can deploy, beside a running engine; not to the end when `stopped` is set."""

        def watch() -> None:
            if stopped.is_set():
                raise KeyboardInterrupt

        with self._steps.step("terraform") as step:
            artifacts, _ = building.result()
            self._wait_for_left_behind()
            for stack in self._stacks:
                step.say(f"{stack.name}: looking for the provider")
                stack.prepare(release_variables(self._environment, stack.name, artifacts))
                step.say(f"{stack.name}: provider {'installed' if stack.set_up(watch) else 'is there already'}")
            self._attached = self._ending.enter_context(self._stacks[0].running_provider(nothing_deployed))

    def _start_engine(self) -> bool:
        """Start the engine with an empty world unless it runs; returns whether it was started."""
        with self._steps.step("engine") as step, ThreadPoolExecutor(1) as pool:
            started = self._engine.start(step.say)
            pool.submit(lambda: prepare(self._session))
            self._engine.wait_until_ready()
            state = "ready" if started else "already running"
            step.say(f"{self._engine.name} {state} at {self._engine.endpoint}")
        if started and self._engine.capabilities.snapshots:
            write_started(self._settings.engine_dir, unfinished(self._settings))
        return started

    def _deploy(self, begun: _Begun, artifacts: Artifacts, release: Release) -> tuple[dict[str, ApplyResult], _Begun]:
        """Deploy every stack, starting afresh where what the engine holds is in the way and of no worth."""

        def deploy() -> dict[str, ApplyResult]:
            return _deploy(self._stacks, self._attached, self._engine, self._session, artifacts, release, self._steps)

        try:
            return deploy(), begun
        except StockroomError as error:
            self._watch()
            if begun.parts and begun.pristine:
                self._steps.note(f"starting afresh, since the deployment did not go on {begun.origin}: {error.message}")
            elif not isinstance(error, ResourceExistsError):
                raise
            elif not self._engine.capabilities.managed or _was_deployed(
                self._environment, self._session, self._request
            ):
                error.hint = (
                    "a killed run left it without a state: delete it with awslocal and run the command again, or "
                    "start afresh with `invoke infra-down && invoke infra-up`, which loses the platform's data"
                )
                raise
            else:
                # A Terraform that was killed had created resources and not yet written them to its state.
                self._steps.note(f"starting afresh: {error.message}, since a killed run left resources without a state")
        self._engine.stop()
        self._start_engine()
        return deploy(), _Begun(None, pristine=True)

    def _event_sources_rest(self) -> AbstractContextManager[None]:
        return event_sources_rest(self._engine.endpoint) if self._engine.capabilities.snapshots else nullcontext()

    def _seed(self) -> SeedReport:
        endpoint = self._engine.endpoint
        return _seed(self._settings, self._environment, self._session, endpoint, self._request, self._steps)

    def _is_as_wanted(self, wanted: Parts, seeded: SeedReport | None) -> bool:
        """Whether what was loaded is what the snapshot would be found by: a file may have changed in between."""
        file = self._request.dataset
        if seeded is None or file is None or file.is_dir() or is_of_file(wanted.dataset, seeded.digest):
            return True
        self._steps.note(f"no snapshot is saved: {file} changed before it was loaded")
        return False

    def _take(self, parts: Parts, publish: bool) -> None:
        assert self._snapshots
        tables: dict[str, int] = {}
        if parts.seeded:
            tables = count_seeded(self._session, deployed_outputs(self._environment, self._session))
        self._snapshots.take(parts, tables, publish)

    @cached_property
    def _session(self) -> boto3.Session:
        return session_for(self._environment, self._engine.endpoint)

    @cached_property
    def _stacks(self) -> list[Stack]:
        endpoint = self._engine.endpoint
        names = self._request.stacks
        return [Stack(name, self._environment, self._settings, self._binary, endpoint, self._code) for name in names]

    def _wait_for_left_behind(self) -> None:
        folder, note = self._stacks[0].top, self._steps.note
        while left := wait_for_left_behind(folder, "an interrupted run", _LEFT_BEHIND_PATIENCE_SECONDS, note):
            stop(left, patience=10)

    @cached_property
    def _wanted(self) -> Parts:
        """The parts of the platform that is to come up, but for its release."""
        request = self._request
        dataset = dataset_part(request.seed, request.dataset, request.date_order, request.duplicates)
        return read_parts(self._settings, self._binary, request.stacks, "", dataset)


@dataclass(frozen=True)
class _Begun:
    """What an engine held when it could be deployed to.

    `parts` is None where that is nothing, or not known. `pristine` says that nobody but `infra-up` made it, so that it
    may become a snapshot for others to begin with.
    """

    parts: Parts | None
    pristine: bool
    origin: str | None = None


def _build(code: Code, steps: Steps) -> tuple[Artifacts, Release]:
    """Of every stack, also one that is not deployed: a release is that of the repository."""
    with steps.step("bundles") as step:
        step.say("building the functions and their layers")
        artifacts = build_artifacts(stack_names(), code)
        step.say(described(artifacts))
    return artifacts, read_release(artifacts, code)


def _deploy(
    stacks: list[Stack],
    attached: Attachment,
    engine: Engine,
    session: boto3.Session,
    artifacts: Artifacts,
    release: Release,
    steps: Steps,
) -> dict[str, ApplyResult]:
    """Bootstrap, then init and apply every stack in order, with the provider that `attached` tells how to reach.

    Bundles and layers go up while Terraform plans: its first change waits for them.
    """
    environment = stacks[0].environment
    with steps.step("bootstrap") as step:
        created = bootstrap(environment, session)
        step.say(f"created {', '.join(created)}" if created else "state and artifact buckets are there")

    def upload() -> None:
        upload_artifacts(artifacts, session, environment.artifact_bucket, steps.note)
        attached.begin()

    changes_wait = attached.holds_changes
    with ThreadPoolExecutor(1) as pool:
        uploading = pool.submit(upload)
        if not changes_wait:
            uploading.result()
        return _apply(stacks, attached.variables, engine, session, release, steps, _watch(engine, uploading))


def _apply(
    stacks: list[Stack],
    attached: Mapping[str, str],
    engine: Engine,
    session: boto3.Session,
    release: Release,
    steps: Steps,
    watch: Callable[[], None],
) -> dict[str, ApplyResult]:
    environment = stacks[0].environment
    applied: dict[str, ApplyResult] = {}
    for stack in stacks:
        name = stack.name
        with steps.step("init") as step:
            ran = stack.init(watch, attached)
            step.say(f"{name} initialised" if ran else f"{name} is initialised already")
        # Of an emulator that somebody else runs, a lock may be somebody else's too.
        if engine.capabilities.managed and release_stale_lock(environment, session, name):
            steps.note("removed the state lock that a killed Terraform left behind")
        with steps.step("apply") as step:
            result = stack.apply(watch, step.say, attached)
            step.say(f"{name}: {result.added} added, {result.changed} changed, {result.removed} destroyed")
        if filled := fill_empty(session, result.outputs.get("secret_arns", {})):
            steps.note(f"gave a random value to the secret {', '.join(filled)}")
        # After the secrets have values: a new version may read one that the version before it did not know.
        shift(session, {name: result.outputs}, steps.note)
        record_release(environment, session, name, release)
        applied[name] = result
    return applied


def _watch(engine: Engine, uploading: Future[Any]) -> Callable[[], None]:
    def watch() -> None:
        if uploading.done():
            uploading.result()
        if not engine.is_running():
            raise StockroomError(
                "the emulator ended while the platform was being deployed",
                "run `invoke infra-up` again; `invoke logs` shows what happened",
                "\n".join(engine.log_lines(False, 15)) if engine.capabilities.log else None,
            )

    return watch


def _was_deployed(environment: Environment, session: boto3.Session, request: Request) -> bool:
    """Whether any stack was deployed completely, so that the engine may hold data that matters."""
    deployed = (read_deployed(environment, session, name) for name in request.stacks)
    return any(stack and stack.release for stack in deployed)


def _seed(
    settings: Settings,
    environment: Environment,
    session: boto3.Session,
    endpoint: str,
    request: Request,
    steps: Steps,
) -> SeedReport:
    """Load the sample or the dataset of the request into the deployed data platform."""
    from stockroom.local.seeding import load_dataset, seed_target

    deployed = read_deployed(environment, session, SEEDED_STACK)
    if deployed is None:
        raise StockroomError(f"the stack '{SEEDED_STACK}' is not deployed", "deploy it with `invoke infra-up`")
    with steps.step("seed") as step:
        report = load_dataset(
            request.dataset,
            seed_target(deployed.outputs, session, endpoint),
            settings.run_dir / "seed",
            request.date_order,
            request.duplicates,
            step.say,
        )
        step.say(f"{report.dataset}: {report.rows_accepted:,} of {report.rows_read:,} rows")
    return report


def seed(settings: Settings, request: Request, steps: Steps) -> SeedReport:
    """Load the request's dataset into the running platform."""
    engine, environment, session = running_session(settings)
    with platform_lock(settings, "invoke seed", steps):
        return _seed(settings, environment, session, engine.endpoint, request, steps)
