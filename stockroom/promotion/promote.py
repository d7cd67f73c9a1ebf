"""`invoke promote` and `invoke rollback`: gates, plan, approval, apply, smoke tests, shift, ledger."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from stockroom.aws import explain_aws
from stockroom.console import Steps, out
from stockroom.deployed.function_code import allowed_code, check_aliases, check_code
from stockroom.deployed.live_alias import shift
from stockroom.deployed.outputs import Outputs, labelled
from stockroom.deployed.secrets import fill_empty
from stockroom.deployed.terraform_state import read_deployed, record_release, release_stale_lock
from stockroom.engines import make_engine
from stockroom.environments import stack_names
from stockroom.errors import StockroomError
from stockroom.project import HOME
from stockroom.promotion import promotion_lock
from stockroom.promotion.account import Account
from stockroom.promotion.facts import EVIDENCE_PREFIX, Gathered, drift_of, gather
from stockroom.promotion.gates import Verdict, all_but_drift, check, refused
from stockroom.promotion.ledger import append, fold, now_text, read_events, unfinished
from stockroom.promotion.plan_summary import Change, changes_of, counts, forbidden, lines, plan_digest, unused
from stockroom.promotion.promotion_lock import Holder, new_holder
from stockroom.promotion.request import Request, check_approver
from stockroom.promotion.rules import Rules
from stockroom.releases.artifact_bucket import upload_artifacts
from stockroom.releases.evidence import Selection
from stockroom.releases.release import Release
from stockroom.settings import Settings
from stockroom.stacks import in_order, read_manifests, with_needs
from stockroom.system.processes import processes_in
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.binary import find_binary
from stockroom.terraform.process import wait_for_left_behind
from stockroom.terraform.release_directory import (
    UNSAVED_STATE,
    ApplyFailedError,
    WorkingDirectory,
)
from stockroom.testing.e2e import Request as TestRequest
from stockroom.testing.e2e import run_rounds
from stockroom.testing.own_platform import undisturbed
from stockroom.testing.policies import check_plans

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FOLDERS_KEPT = 5
_LEFT_BEHIND_PATIENCE_SECONDS = 600
_UNSAVED_STATES = f"*/terraform/stacks/*/{UNSAVED_STATE}"


class RefusedError(StockroomError):
    """The promotion was refused, or not approved; nothing was changed."""


@dataclass(frozen=True)
class Planned:
    """The saved plans of a release's stacks, what they change, and the digest over all of them."""

    directories: dict[str, WorkingDirectory]
    changes: dict[str, list[Change]]
    digest: str

    @property
    def all(self) -> list[Change]:
        return [change for listed in self.changes.values() for change in listed]


@dataclass(frozen=True)
class Promoted:
    """A promotion that succeeded. `applied` is by stack, `shifted` are (function, from, to)."""

    environment: str
    account_id: str
    release: Release
    promotion: str
    plan_digest: str
    applied: dict[str, ApplyResult]
    shifted: list[tuple[str, str, str]]
    seconds: float
    report: Path


def promotions_dir(settings: Settings, environment: str, rehearse: bool) -> Path:
    """Where promotions to an environment work; those of a rehearsal go with their engine."""
    return (settings.run_dir if rehearse else HOME) / "promotion" / environment


@contextmanager
def promotion_folder(top: Path, name: str) -> Iterator[Path]:
    """A folder for one promotion; those of earlier ones are removed but for a few, for those still at work, and for
    those that hold a state which nobody has saved yet."""
    folder = top / name
    folder.mkdir(parents=True)
    for old in sorted(path for path in top.iterdir() if path.is_dir())[:-_FOLDERS_KEPT]:
        if not any(processes_in(old)) and not any(old.glob(_UNSAVED_STATES)):
            shutil.rmtree(old, ignore_errors=True)
    yield folder


def ensure_engine(settings: Settings, steps: Steps) -> None:
    """A rehearsal needs the local engine and no platform on it."""
    engine = make_engine(settings)
    if engine.status().state != "running":
        with steps.step("engine") as step:
            engine.start(step.say)
            engine.wait_until_ready()
            step.say(f"{engine.name} ready at {engine.endpoint}, which plays the account")


def promote(settings: Settings, request: Request, rules: Rules, steps: Steps) -> Promoted:
    """Take the release to the environment. Raises StockroomError where a gate is shut or something fails; the ledger
    then tells how far it came, and the same command goes on."""
    check_approver(request, rules)
    holder = new_holder(request.command)
    top = promotions_dir(settings, request.environment, request.rehearse)
    if request.rehearse:
        ensure_engine(settings, steps)
    with promotion_folder(top, holder.promotion) as folder:
        gathered = pass_gates(settings, request, rules, folder, steps)
        return _Promotion(settings, request, rules, gathered, holder, folder, steps).run()


def pass_gates(settings: Settings, request: Request, rules: Rules, folder: Path, steps: Steps) -> Gathered:
    """Look at every gate and show what came of it. Raises RefusedError unless all are passed."""
    gathered = gather(settings, request, rules, folder, steps)
    verdicts = check(gathered.facts, rules, request.waivers, datetime.now(UTC))
    facts = gathered.facts
    if all_but_drift(verdicts) and any(verdict.passed is None for verdict in verdicts):
        assert gathered.account
        assert facts.account
        with steps.step("drift") as step:
            step.say("comparing the account with its last release")
            drift = drift_of(gathered.account, facts.account.promotions, folder, settings)
            facts = replace(facts, account=replace(facts.account, drift=drift))
            step.say(f"{len(drift or ())} differences")
        gathered = replace(gathered, facts=facts)
        verdicts = check(facts, rules, request.waivers, datetime.now(UTC))
    print_verdicts(verdicts)
    if refused(verdicts):
        shut = [verdict for verdict in verdicts if verdict.passed is False]
        names = ", ".join(verdict.gate for verdict in shut)
        raise RefusedError(f"nothing was touched: {names}", next((one.hint for one in shut if one.hint), None))
    return gathered


def print_verdicts(verdicts: list[Verdict]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for verdict in verdicts:
        mark = {True: "[green]pass[/green]", False: "[red]FAIL[/red]", None: "[dim]  ? [/dim]"}[verdict.passed]
        hint = f"\n[dim]→ {escape(verdict.hint)}[/dim]" if verdict.hint and verdict.passed is False else ""
        table.add_row(f"  {mark}", verdict.gate, f"{escape(verdict.words)}{hint}")
    out.print(table)


def make_plan(gathered: Gathered, folder: Path, settings: Settings, steps: Steps, lock: bool) -> Planned:
    """Plan every stack of the release for the account, with the release's own code."""
    subject, account = gathered.subject, gathered.account
    assert account
    environment = account.environment
    code = subject.code.root
    terraform = find_binary(settings).path
    directories, plans, changes = {}, {}, {}
    manifests = read_manifests(code / "terraform" / "stacks")
    for stack in in_order(manifests, manifests):
        with steps.step("plan") as step:
            step.say(f"{stack}: initialising")
            work = WorkingDirectory(stack, environment, code, terraform, account.variables)
            work.init(subject.variables(environment, stack))
            step.say(f"{stack}: planning")
            plans[stack] = work.plan(lock)
            directories[stack] = work
            changes[stack] = changes_of(stack, plans[stack])
            step.say(f"{stack}: {counts(changes[stack])}")
            plan_file = folder / f"{stack}.plan.json"
            plan_file.touch(mode=0o600)
            plan_file.write_text(json.dumps(plans[stack]))
    digest = plan_digest(environment.name, subject.release.digest, plans)
    return Planned(directories, changes, digest)


def print_plan(planned: Planned) -> None:
    for stack, changes in planned.changes.items():
        out.print(f"\n[bold]{stack}[/bold]: {counts(changes)}")
        for line in lines(changes):
            out.print(f"  {line}", markup=False, soft_wrap=True)
    out.print(f"\nplan digest {planned.digest}\n", soft_wrap=True)


def check_destroys(planned: Planned, request: Request) -> None:
    """Raises RefusedError for what would lose data unasked, and for a permission that nothing needs."""
    if lost := forbidden(planned.all, request.allow_destroy):
        named = " ".join(f"--allow-destroy '{change.address}'" for change in lost)
        raise RefusedError(
            f"the plan destroys what holds data: {', '.join(change.address for change in lost)}",
            f"if that is meant, add {named}",
        )
    if slips := unused(planned.all, request.allow_destroy):
        raise RefusedError(
            f"--allow-destroy {slips[0]}: the plan destroys no such thing",
            "leave it out, or write the address as the plan does",
        )


def check_policies(planned: Planned, folder: Path, steps: Steps) -> None:
    """Raises RefusedError with checkov's words when a policy fails on a plan that changes something."""
    files = {stack: folder / f"{stack}.plan.json" for stack, changes in planned.changes.items() if changes}
    if not files:
        return
    with steps.step("policies") as step:
        code = next(iter(planned.directories.values())).release / "terraform"
        passed, text = check_plans(files, code, step.say)
        (folder / "policies.log").write_text(text)
        if not passed:
            raise RefusedError("checkov does not pass the plan", "mend it, or skip the check with a reason", text)
        step.say(f"checkov passes the plan of {', '.join(files)}")


@dataclass
class _Promotion:
    """One promotion behind its gates. `step` is where it is, `stacks` how far each stack came, for the ledger."""

    settings: Settings
    request: Request
    rules: Rules
    gathered: Gathered
    holder: Holder
    folder: Path
    steps: Steps
    step: str = "lock"
    stacks: dict[str, str] = field(default_factory=dict)
    applying: bool = False
    started: float = field(default_factory=monotonic)

    @property
    def account(self) -> Account:
        assert self.gathered.account
        return self.gathered.account

    @property
    def bucket(self) -> str:
        return self.account.environment.state_bucket

    def run(self) -> Promoted:
        s3 = self.account.session.client("s3")
        dead = promotion_lock.acquire(s3, self.bucket, self.holder)
        began = False
        try:
            if dead:
                self._clean_up_after(s3, dead)
                dead = None
            elif len(read_events(s3, self.bucket)) != self.gathered.number_of_events:
                raise StockroomError("another promotion ended while the gates were looked at", "run the command again")
            self._record(s3, "started", self._what())
            began = True
            self._save_states()
            promoted = self._promote(s3)
            self._end(s3, "succeeded", None)
            return promoted
        except BaseException as error:
            if began:
                with undisturbed():
                    self._end_badly(s3, error)
            raise
        finally:
            with undisturbed():
                self._release_lock(s3, dead)

    def _promote(self, s3: S3Client) -> Promoted:
        environment, release = self.account.environment, self.gathered.subject.release
        self.step = "artifacts"
        if built := self.gathered.subject.built:
            with self.steps.step("artifacts") as step:
                uploaded = upload_artifacts(built, self.account.session, environment.artifact_bucket, self.steps.note)
                step.say(f"uploaded {', '.join(uploaded)}" if uploaded else "in the artifact bucket already")
        self.step = "plan"
        planned = make_plan(self.gathered, self.folder, self.settings, self.steps, lock=True)
        self.stacks = dict.fromkeys(planned.changes, "not begun")
        print_plan(planned)
        check_destroys(planned, self.request)
        self.step = "policies"
        check_policies(planned, self.folder, self.steps)
        self.step = "approval"
        self._approve(planned)
        self.step = "apply"
        self._record(s3, "applying", {"plan_digest": planned.digest})
        self.applying = True
        applied = {stack: self._apply(work) for stack, work in planned.directories.items()}
        self.step = "code"
        outputs = self._check_code()
        if filled := fill_empty(self.account.session, labelled(outputs, "secret_arns")):
            self.steps.note(f"gave a random value to the secret {', '.join(filled)}")
        self.step = "smoke tests"
        report = self._smoke(outputs, planned)
        self.step = "shift"
        with self.steps.step("shift") as step:
            shifted = shift(self.account.session, outputs, step.say)
            step.words = step.words or "functions run their newest versions already"
            check_aliases(self.account.session, outputs)
        for stack in planned.directories:
            record_release(environment, self.account.session, stack, release)
        self._keep_evidence(s3)
        return Promoted(
            environment.name, environment.account_id, release, self.holder.promotion, planned.digest, applied, shifted,
            monotonic() - self.started, report,
        )  # fmt: skip

    def _approve(self, planned: Planned) -> None:
        """Raises RefusedError unless exactly this plan is approved."""
        name = self.request.environment
        if self.request.approve:
            if self.request.approve != planned.digest:
                raise RefusedError(
                    f"the plan is not the one that was approved: it is {planned.digest[:12]}…, and approved was "
                    f"{self.request.approve[:12]}…",
                    f"the release or the account has changed since; look at `invoke plan --env {name}` again",
                )
            self.steps.note(f"approved as plan {planned.digest[:12]}")
        elif self.rules.approval == "typed":
            try:
                answer = input(f"type {name} to apply this to account {self.account.environment.account_id}: ")
            except EOFError:
                answer = ""
            if answer.strip() != name:
                raise RefusedError("not approved, so nothing was changed", "the same command asks again")

    def _apply(self, work: WorkingDirectory) -> ApplyResult:
        with self.steps.step("apply") as step:
            try:
                result = work.apply(step.say)
            except ApplyFailedError as error:
                self.stacks[work.stack] = f"failed after {len(error.touched)} resources"
                raise
            except KeyboardInterrupt:
                self.stacks[work.stack] = "interrupted"
                raise
            words = f"{result.added} added, {result.changed} changed, {result.removed} destroyed"
            self.stacks[work.stack] = words
            step.say(f"{work.stack}: {words}")
            return result

    def _check_code(self) -> Outputs:
        """Compare what is deployed with what was tested, before an event reaches any of it; returns the outputs."""
        environment, session = self.account.environment, self.account.session
        stacks = [found for name in self.stacks if (found := read_deployed(environment, session, name))]
        with self.steps.step("code") as step:
            step.say("comparing the code of every function and layer with what was tested")
            manifests = read_manifests(self.gathered.subject.code.root / "terraform" / "stacks")
            compared: set[str] = set()
            for stack in stacks:
                allowed = allowed_code(self.gathered.subject.hashes, stack.name, with_needs(manifests, [stack.name]))
                compared |= {*check_code(session, stack.resources, stack.outputs, allowed)}
            step.say(f"{len(compared)} functions and layers are what was tested")
        return {stack.name: stack.outputs for stack in stacks}

    def _smoke(self, outputs: Outputs, planned: Planned) -> Path:
        """The release's own smoke tests, before any function is called in its new version."""
        outputs_file = self.folder / "outputs.json"
        outputs_file.write_text(json.dumps(outputs))
        variables = {**self.account.variables, "STOCKROOM_E2E_OUTPUTS": str(outputs_file)}
        code = next(iter(planned.directories.values())).release
        request = TestRequest(self.request.environment, Selection(smoke=True))
        (result,) = run_rounds(request, variables, self.folder, self.steps, code)
        if result.exit_code:
            raise StockroomError(
                f"smoke tests failed: {result.outcomes}",
                f"events still reach the versions before; mend it and promote that, or run the same command again; "
                f"the report is {result.report}",
            )
        return result.report

    def _keep_evidence(self, s3: S3Client) -> None:
        if self.gathered.evidence:
            s3.put_object(
                Bucket=self.bucket,
                Key=f"{EVIDENCE_PREFIX}{self.gathered.subject.release.digest}.json",
                Body=json.dumps(self.gathered.evidence, indent=2).encode(),
                ContentType="application/json",
            )

    # Lock and ledger

    def _what(self) -> dict[str, Any]:
        return {
            "kind": self.request.kind,
            "release": asdict(self.gathered.subject.release),
            "artifacts": self.gathered.subject.hashes,
            "who": f"{self.account.caller} ({self.holder.who})",
            "waivers": asdict(self.request.waivers),
        }

    def _record(self, s3: S3Client, event: str, content: dict[str, Any]) -> None:
        at = now_text(datetime.now(UTC))
        append(s3, self.bucket, {"promotion": self.holder.promotion, "event": event, "at": at, **content})

    def _end(self, s3: S3Client, result: str, error: str | None) -> None:
        seconds = round(monotonic() - self.started, 3)
        content = {"result": result, "step": None if result == "succeeded" else self.step, "error": error}
        self._record(s3, "finished", {**content, "stacks": self.stacks, "duration_seconds": seconds})

    def _end_badly(self, s3: S3Client, error: BaseException) -> None:
        """Record how far it came, and say so; the error itself goes its own way."""
        result = "failed"
        if isinstance(error, RefusedError):
            result = "refused"
        elif not isinstance(error, Exception):
            result = "interrupted"
        known = explain_aws(error) if isinstance(error, Exception) else None
        words = str(known or error) or type(error).__name__
        self._try("the ledger", lambda: self._end(s3, result, words))
        if self.applying:
            for stack, state in self.stacks.items():
                self.steps.note(f"{stack}: {state}")
            self.steps.note(f"stopped at: {self.step}; `{self.request.command}` goes on from here")
        else:
            self.steps.note(f"stopped at: {self.step}; nothing of {self.request.environment} was changed")

    def _release_lock(self, s3: S3Client, dead: Holder | None) -> None:
        self._try("the lock", lambda: promotion_lock.release(s3, self.bucket, self.holder.promotion, dead))

    def _try(self, what: str, write: Callable[[], object]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            write()
        except (BotoCoreError, ClientError, StockroomError) as error:
            self.steps.note(f"{what} could not be written ({error}); the next promotion from this machine mends it")

    def _clean_up_after(self, s3: S3Client, dead: Holder) -> None:
        """Let what a killed promotion left behind come to its end, and say in the ledger what became of it."""
        self.steps.note(f"taking over from {dead.promotion}, which was killed: {dead}")
        whose = "a promotion that was killed"
        if left := wait_for_left_behind(self.folder.parent, whose, _LEFT_BEHIND_PATIENCE_SECONDS, self.steps.note):
            raise StockroomError(
                f"Terraform (process {left[0].pid}) of {whose} is still running",
                "wait for it to end, then run the command again",
            )
        for stack in self._stacks():
            if release_stale_lock(self.account.environment, self.account.session, stack):
                self.steps.note(f"removed the state lock of {stack} that its Terraform left behind")
        record_killed(s3, self.bucket, dead)

    def _save_states(self) -> None:
        """Save what the last promotion made in the account and, cut off from it, could not write down there."""
        assert self.gathered.facts.account
        stuck = unfinished(self.gathered.facts.account.promotions)
        for unsaved in (self.folder.parent / stuck.id).glob(_UNSAVED_STATES) if stuck else ():
            stack, code, terraform = unsaved.parent.name, unsaved.parents[3], find_binary(self.settings).path
            work = WorkingDirectory(stack, self.account.environment, code, terraform, self.account.variables)
            if work.save_state():
                self.steps.note(f"saved the state of {stack}, which the promotion before could not")

    def _stacks(self) -> list[str]:
        return stack_names(self.gathered.subject.code.root / "terraform" / "stacks")


def record_killed(s3: S3Client, bucket: str, dead: Holder) -> None:
    """Write the end of a promotion that could not write it itself."""
    known = next((one for one in fold(read_events(s3, bucket)) if one.id == dead.promotion), None)
    if known and known.finished is None:
        append(
            s3, bucket,
            {
                "promotion": dead.promotion, "event": "finished", "at": now_text(datetime.now(UTC)),
                "result": "interrupted", "step": "apply" if known.applying else None, "error": "it was killed",
                "stacks": {}, "duration_seconds": None,
            },
        )  # fmt: skip


def print_promoted(promoted: Promoted) -> None:
    """What runs where now, and what to do next."""
    out.print(
        f"\n[bold green]{promoted.environment}[/bold green] (account {promoted.account_id}) runs release "
        f"{promoted.release} after {promoted.seconds:.0f} s\n"
        f"  promotion  {promoted.promotion}, plan {promoted.plan_digest[:12]}\n"
        f"  report     {promoted.report}\n"
        f"  next       invoke history --env {promoted.environment}   invoke rollback --env {promoted.environment}",
        soft_wrap=True,
    )
