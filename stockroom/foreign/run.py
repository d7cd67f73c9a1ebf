"""One run of Terraform for a foreign folder on a platform: copy, lead, initialise, plan, apply."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from stockroom.console import Steps
from stockroom.deployed.terraform_state import release_stale_lock
from stockroom.foreign import overrides
from stockroom.foreign.configuration import OVERRIDE_FILE, Module, read_module, read_modules
from stockroom.foreign.directory import WorkingDirectory
from stockroom.foreign.functions import judge_functions
from stockroom.foreign.judge import Verdict, judge
from stockroom.foreign.platform import Platform
from stockroom.foreign.records import Records
from stockroom.foreign.remote_states import default_values, own_state, remote_states, unknown_state
from stockroom.foreign.request import WORKSPACES, Request
from stockroom.foreign.working_copy import WorkingCopy
from stockroom.project import HOME
from stockroom.settings import Settings
from stockroom.system.files import write_whole
from stockroom.system.processes import stop
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.binary import Binary
from stockroom.terraform.process import wait_for_left_behind

FOLDERS = "folders"
"""Below a platform's folder: a folder of ours for each foreign one."""

_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Outcome:
    """What a command did: the actions of its plan by address, what the apply made of them, outputs by name."""

    endpoint: str
    changes: Mapping[str, Sequence[str]]
    applied: ApplyResult
    plan_text: str = ""


@dataclass
class Warnings:
    """Sentences that are said once, at once."""

    steps: Steps
    _said: set[str] = field(default_factory=set)

    def take(self, verdict: Verdict) -> None:
        """Say the warnings of a verdict. Raises its first refusal."""
        if verdict.refusals:
            raise verdict.refusals[0]
        for warning in verdict.warnings:
            self.say(warning)

    def say(self, warning: str) -> None:
        if warning not in self._said:
            self._said.add(warning)
            self.steps.note(f"warning: {warning}")


@dataclass
class Run:
    """One command, which holds the platform's lock.

    `modules` are those of the user's folder; empty where that has gone, so that the copy of it has to do.
    """

    settings: Settings
    request: Request
    steps: Steps
    warnings: Warnings
    binary: Binary
    platform: Platform
    modules: list[Module]

    @cached_property
    def _copy(self) -> WorkingCopy:
        home = self.settings.run_dir / FOLDERS / self.request.identity
        return WorkingCopy(self.request.path, home, self._endpoint, (self.settings.run_dir, HOME))

    @property
    def _endpoint(self) -> str:
        return self.platform.engine.endpoint

    @cached_property
    def _records(self) -> Records:
        return Records(self.platform.environment, self.platform.session)

    @cached_property
    def _directory(self) -> WorkingDirectory:
        return WorkingDirectory(
            title=self.request.title,
            folder=self._copy.folder,
            log=self._copy.home / "terraform.log",
            settings=self.settings,
            binary=self.binary,
            endpoint=self._endpoint,
            region=self.platform.environment.region,
            workspace=self.request.workspace,
            variables=self._variables(),
            watch=self.platform.watch,
        )

    def _variables(self) -> Sequence[str]:
        """The options that give values to variables; those of the last command where this has none."""
        path = self._copy.home / f"variables.{self.request.workspace}.json"
        if self.request.variables is not None:
            write_whole(path, json.dumps(self.request.variables).encode())
            return self.request.variables
        stored = [str(option) for option in json.loads(path.read_text())] if path.exists() else []
        if stored:
            self.steps.note("with the variables that were given the last time")
        return stored

    def prepare(self) -> None:
        """A working copy that leads to the platform, initialised, with a state that nobody holds."""
        self._update_copy()
        copies = [replace(module, folder=self._copy.place_of(module.folder)) for module in self.modules]
        self._write_overrides(copies, None)
        with self.steps.step("init") as step:
            step.say("looking for providers and modules")
            ran = self._directory.init([module.folder for module in copies])
            step.say("initialised" if ran else "is initialised already")
        downloaded = [read_module(folder) for folder in self._directory.downloaded_modules()]
        if downloaded:
            self.warnings.take(judge([self.modules[0], *downloaded], self._endpoint, self.request.allowed_providers))
        if version := self._directory.aws_version():
            self._write_overrides([*copies, *downloaded], self._schema(version))
        self._free_state()

    def _update_copy(self) -> None:
        with self.steps.step("copy") as step:
            self._copy.home.mkdir(parents=True, exist_ok=True)
            self._wait_for_left_behind()
            if self.modules:
                self._copy.update(self.modules)
            else:
                self._copy.open()
                copied = read_modules(self._copy.folder)
                self.modules = [replace(module, folder=self._copy.origin_of(module.folder)) for module in copied]
            step.say(f"{self.request.title} runs in a copy")
        for file, urls in self._copy.led.items():
            self.warnings.say(f"{file}: {', '.join(urls)} is led to the platform")

    def _wait_for_left_behind(self) -> None:
        home, note = self._copy.home, self.steps.note
        while left := wait_for_left_behind(home, "an interrupted run", _PATIENCE_SECONDS, note):
            stop(left, patience=10)

    def _schema(self, version: str) -> overrides.ProviderSchema:
        with self.steps.step("provider") as step:
            step.say(f"asking hashicorp/aws {version} which endpoints it knows")
            schema = self._directory.provider_schema(version)
            step.say(f"hashicorp/aws {version}, {len(schema.endpoints)} endpoints led to the platform")
        return schema

    def _write_overrides(self, copies: list[Module], schema: overrides.ProviderSchema | None) -> None:
        """Override files for copies of modules; without a schema, for as much as `init` looks at."""
        states = self._remote_states()
        for module in copies:
            is_root = module is copies[0]
            parts = [overrides.override_remote_states(states.get(self._copy.origin_of(module.folder), {}))]
            if is_root:
                arguments = self._state_arguments(self.platform.environment.state_key(self.request.state_name))
                parts.append(overrides.override_backend(arguments))
            if schema:
                parts.append(overrides.override_providers(module, is_root, schema, self._endpoint))
            self._copy.write(module.folder, OVERRIDE_FILE, overrides.merged(parts))

    def _state_arguments(self, key: str) -> dict[str, Any]:
        environment = self.platform.environment
        place = overrides.StatePlace(environment.state_bucket, key, WORKSPACES)
        return overrides.backend_arguments(place, self._endpoint, environment.region)

    def _remote_states(self) -> dict[Any, dict[str, dict[str, Any]]]:
        """Where each remote state of a module is here, by the module's folder and the name of the data source.

        Raises StockroomError for one that is not here.
        """
        found: dict[Any, dict[str, dict[str, Any]]] = {}
        keys: Mapping[str, str] | None = None
        for module in self.modules:
            for wanted in remote_states(module, default_values(module)):
                keys = self._records.keys_by_state() if keys is None else keys
                if wanted.state is None or wanted.state not in keys:
                    raise unknown_state(wanted)
                found.setdefault(module.folder, {})[wanted.name] = self._state_arguments(keys[wanted.state])
        return found

    def _free_state(self) -> None:
        """Put right what an interrupted run has left of the state."""
        environment, session = self.platform.environment, self.platform.session
        # Of an emulator that somebody else runs, a lock may be somebody else's too.
        managed = self.platform.engine.capabilities.managed
        if managed and release_stale_lock(environment, session, self.request.state_of_workspace):
            self.steps.note("removed the state lock that a killed Terraform left behind")
        if self._directory.save_state():
            self.steps.note("wrote the state that an interrupted run had left behind")

    def _plan(self, destroy: bool = False) -> dict[str, Any]:
        with self.steps.step("plan") as step:
            planned = self._directory.plan(step.say, destroy)
            changes = changes_of(planned)
            step.say(f"{len(changes)} to change" if changes else "nothing to change")
        if runtimes := self.platform.engine.capabilities.runtimes:
            self.warnings.take(judge_functions(planned, runtimes))
        return planned

    def plan(self, coloured: bool) -> Outcome:
        """What would be changed, also as a text for people."""
        try:
            planned = self._plan()
            text = self._directory.plan_text(coloured)
        finally:
            self._directory.forget_plan()
        return Outcome(self._endpoint, changes_of(planned), ApplyResult(), text)

    def apply(self) -> Outcome:
        """Apply what is planned, if there is anything to change."""
        planned = self._plan()
        root = self.modules[0]
        self._records.write(self.request, own_state(root, default_values(root)))
        changes = changes_of(planned)
        if not changes:
            self._directory.forget_plan()
            return Outcome(self._endpoint, changes, ApplyResult(outputs=outputs_of(planned)))
        with self.steps.step("apply") as step:
            applied = self._directory.apply(step.say)
            step.say(f"{applied.added} added, {applied.changed} changed, {applied.removed} destroyed")
        return Outcome(self._endpoint, changes, applied)

    def destroy(self) -> Outcome:
        """Destroy what the state holds, and forget the copy."""
        changes = changes_of(self._plan(destroy=True))
        with self.steps.step("destroy") as step:
            applied = self._directory.apply(step.say)
            step.say(f"{applied.removed} destroyed")
        self._records.remove(self.request)
        shutil.rmtree(self._copy.home, ignore_errors=True)
        return Outcome(self._endpoint, changes, applied)


def changes_of(plan: Mapping[str, Any]) -> dict[str, list[str]]:
    """What a plan (`terraform show -json`) does to each resource and output that it changes, by address."""
    actions = {one["address"]: one["change"]["actions"] for one in plan.get("resource_changes", [])}
    actions |= {f"output.{name}": one["actions"] for name, one in plan.get("output_changes", {}).items()}
    return {name: done for name, done in actions.items() if done not in (["no-op"], ["read"])}


def outputs_of(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs that a plan leaves as they are, by name, those that are not to be shown left out."""
    outputs = plan.get("planned_values", {}).get("outputs", {})
    return {name: one["value"] for name, one in outputs.items() if "value" in one and not one.get("sensitive")}
