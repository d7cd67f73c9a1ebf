"""Deploying stacks to the local engine: their working directories, their providers, and the applies side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stockroom.bootstrap import bootstrap
from stockroom.console import Steps
from stockroom.deployed.live_alias import shift
from stockroom.deployed.secrets import fill_empty
from stockroom.deployed.terraform_state import (
    forget_release,
    holds_folders,
    read_deployed,
    record_release,
    release_stale_lock,
)
from stockroom.engines import Engine
from stockroom.environments import Environment, stack_names
from stockroom.errors import StockroomError
from stockroom.releases.artifact_bucket import upload_artifacts
from stockroom.releases.artifacts import Artifacts, described
from stockroom.releases.build import build_artifacts
from stockroom.releases.code import Code
from stockroom.releases.release import Release, read_release, release_variables
from stockroom.settings import Settings
from stockroom.side_by_side import Check, Outcome, run_side_by_side
from stockroom.stacks import Manifests
from stockroom.system.processes import stop
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.binary import Binary
from stockroom.terraform.local_directory import Stack, copy_modules
from stockroom.terraform.process import wait_for_left_behind
from stockroom.terraform.provider import Attachment

if TYPE_CHECKING:
    import boto3

_LEFT_BEHIND_PATIENCE_SECONDS = 300


@dataclass
class Deployment:
    """The stacks that one command deploys; `names` are in the order of their needs."""

    settings: Settings
    environment: Environment
    binary: Binary
    code: Code
    manifests: Manifests
    names: tuple[str, ...]
    engine: Engine
    session: boto3.Session
    steps: Steps
    _providers: dict[str, Attachment] = field(default_factory=dict)

    @cached_property
    def _stacks(self) -> dict[str, Stack]:
        endpoint = self.engine.endpoint
        return {
            name: Stack(name, self.environment, self.settings, self.binary, endpoint, self.code) for name in self.names
        }

    @property
    def is_set_up(self) -> bool:
        return bool(self._providers)

    def wait_for_left_behind(self) -> None:
        """Let Terraform end that works on after its toolkit was killed."""
        folder = next(iter(self._stacks.values())).top
        while left := wait_for_left_behind(
            folder, "an interrupted run", _LEFT_BEHIND_PATIENCE_SECONDS, self.steps.note
        ):
            stop(left, patience=10)

    def lay_out(self, artifacts: Artifacts) -> None:
        """Write the working directories: modules, the stacks' files, the release's variables."""
        copy_modules(self.code, next(iter(self._stacks.values())).top)
        for stack in self._stacks.values():
            stack.prepare(release_variables(self.environment, stack.name, artifacts))

    def set_up(self, artifacts: Artifacts, nothing_deployed: bool, watch: Check, ending: ExitStack) -> None:
        """What needs no running engine: working directories, providers. The providers run until `ending` ends.

        `watch` is called meanwhile and may raise.
        """
        self.wait_for_left_behind()
        self.lay_out(artifacts)

        def set_up(stack: Stack) -> None:
            with self.steps.step("terraform") as step:
                step.say(f"{stack.name}: looking for the provider")
                installed = stack.set_up(watch)
                step.say(f"{stack.name}: provider {'installed' if installed else 'is there already'}")

        with ThreadPoolExecutor() as pool:
            first, *others = self._stacks.values()
            # The first may have to download the provider, which the others then have.
            pool.submit(set_up, first).result()
            list(pool.map(set_up, others))
            attached = pool.map(
                lambda stack: ending.enter_context(stack.running_provider(nothing_deployed)), self._stacks.values()
            )
            self._providers = dict(zip(self._stacks, attached, strict=True))

    def deploy(self, artifacts: Artifacts, release: Release) -> dict[str, Outcome[ApplyResult]]:
        """Bootstrap, then init and apply every stack behind those that it needs; returns what became of each.

        Bundles and layers go up while Terraform plans: its first change waits for them.
        """
        with self.steps.step("bootstrap") as step:
            created = bootstrap(self.environment, self.session)
            step.say(f"created {', '.join(created)}" if created else "state and artifact buckets are there")

        def upload() -> None:
            upload_artifacts(artifacts, self.session, self.environment.artifact_bucket, self.steps.note)
            for attached in self._providers.values():
                attached.begin()

        changes_wait = all(attached.holds_changes for attached in self._providers.values())
        with ThreadPoolExecutor(1) as pool:
            uploading = pool.submit(upload)
            if not changes_wait:
                uploading.result()
            watch = _watch(self.engine, uploading)

            def apply(name: str, check: Check) -> ApplyResult:
                def look() -> None:
                    check()
                    watch()

                return self._apply(self._stacks[name], release, look)

            return run_side_by_side({name: self.manifests[name].needs for name in self.names}, apply)

    def _apply(self, stack: Stack, release: Release, watch: Check) -> ApplyResult:
        name, attached = stack.name, self._providers[stack.name].variables
        with self.steps.step("init") as step:
            ran = stack.init(watch, attached)
            step.say(f"{name} initialised" if ran else f"{name} is initialised already")
        self._release_stale_lock(name)
        with self.steps.step("apply") as step:

            def say(words: str) -> None:
                step.say(f"{name}: {words}")

            result = stack.apply(watch, say, attached)
            say(f"{result.added} added, {result.changed} changed, {result.removed} destroyed")
        if filled := fill_empty(self.session, result.outputs.get("secret_arns", {})):
            self.steps.note(f"gave a random value to the secret {', '.join(filled)}")
        # After the secrets have values: a new version may read one that the version before it did not know.
        shift(self.session, {name: result.outputs}, self.steps.note)
        record_release(self.environment, self.session, name, release)
        return result

    def destroy(self) -> dict[str, Outcome[ApplyResult]]:
        """Destroy every stack, each before those that it needs; returns what became of each."""
        needs = {name: [other for other in self.names if name in self.manifests[other].needs] for name in self.names}

        def destroy(name: str, check: Check) -> ApplyResult:
            stack, attached = self._stacks[name], self._providers[name]
            attached.begin()
            stack.init(check, attached.variables)
            self._release_stale_lock(name)
            forget_release(self.environment, self.session, name)
            with self.steps.step("destroy") as step:
                result = stack.destroy(check, lambda text: step.say(f"{name}: {text}"), attached.variables)
                step.say(f"{name}: {result.removed} destroyed")
            return result

        return run_side_by_side(needs, destroy)

    def _release_stale_lock(self, name: str) -> None:
        # Of an emulator that somebody else runs, a lock may be somebody else's too.
        if self.engine.capabilities.managed and release_stale_lock(self.environment, self.session, name):
            self.steps.note(f"removed the state lock of {name} that a killed Terraform left behind")

    def was_deployed(self) -> bool:
        """Whether a stack was deployed completely, or a folder brought up, so that what the engine holds matters."""
        found = (read_deployed(self.environment, self.session, name) for name in self.names)
        return any(stack and stack.release for stack in found) or holds_folders(self.environment, self.session)


def build(code: Code, steps: Steps) -> tuple[Artifacts, Release]:
    """Of every stack, also one that is not deployed: a release is that of the repository."""
    with steps.step("bundles") as step:
        step.say("building the functions and their layers")
        artifacts = build_artifacts(stack_names(), code)
        step.say(described(artifacts))
    return artifacts, read_release(artifacts, code)


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
