"""`invoke promote` and `invoke rollback`: gates, plan, approval, apply, smoke tests, shift, ledger."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from stockroom.console import Steps, out
from stockroom.deployed.function_code import allowed_code, check_aliases, check_code
from stockroom.deployed.live_alias import shift
from stockroom.deployed.outputs import Outputs, labelled
from stockroom.deployed.secrets import fill_empty
from stockroom.deployed.terraform_state import read_deployed, record_release
from stockroom.environments import stack_names
from stockroom.errors import StockroomError
from stockroom.promotion.account import Account
from stockroom.promotion.applying import apply_plans
from stockroom.promotion.approval import RefusedError, approve, check_destroys, check_policies
from stockroom.promotion.attempt import Attempt
from stockroom.promotion.drift import drift_of
from stockroom.promotion.facts import EVIDENCE_PREFIX, Gathered, gather
from stockroom.promotion.folders import ensure_engine, promotion_folder, promotions_dir
from stockroom.promotion.gates import all_but_drift, check, refused
from stockroom.promotion.leftovers import leftover_line, leftover_stacks
from stockroom.promotion.plan_summary import Change
from stockroom.promotion.planning import Planned, make_plan, print_plan
from stockroom.promotion.promotion_lock import new_holder
from stockroom.promotion.request import Request, check_approver
from stockroom.promotion.rules import Rules
from stockroom.promotion.takeover import save_states
from stockroom.promotion.verdicts import Verdict
from stockroom.releases.artifact_bucket import upload_artifacts
from stockroom.releases.evidence import Selection
from stockroom.releases.release import Release
from stockroom.settings import Settings
from stockroom.stacks import read_manifests, with_needs
from stockroom.terraform.apply_progress import ApplyResult
from stockroom.terraform.binary import find_binary
from stockroom.testing.e2e import Request as TestRequest
from stockroom.testing.e2e import run_rounds


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
        assert gathered.account
        attempt = Attempt(gathered.account, holder, folder, request.command, steps)
        return _Promotion(settings, request, rules, gathered, gathered.account, attempt).run()


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


@dataclass
class _Promotion:
    """One promotion behind its gates."""

    settings: Settings
    request: Request
    rules: Rules
    gathered: Gathered
    account: Account
    attempt: Attempt

    @property
    def folder(self) -> Path:
        return self.attempt.folder

    @property
    def steps(self) -> Steps:
        return self.attempt.steps

    @property
    def _code(self) -> Path:
        return self.gathered.subject.code.root

    @property
    def _stacks(self) -> list[str]:
        return stack_names(self._code / "terraform" / "stacks")

    def run(self) -> Promoted:
        what = {
            "kind": self.request.kind,
            "release": asdict(self.gathered.subject.release),
            "artifacts": self.gathered.subject.hashes,
            "waivers": asdict(self.request.waivers),
        }
        return self.attempt.run(self.gathered.number_of_events, self._stacks, what, self._promote)

    def _promote(self) -> Promoted:
        environment, release = self.account.environment, self.gathered.subject.release
        assert self.gathered.facts.account
        promotions, terraform = self.gathered.facts.account.promotions, find_binary(self.settings).path
        save_states(promotions, self.account, terraform, self.folder.parent, self.steps)
        self._upload()
        digest = self._apply()
        self.attempt.step = "code"
        outputs = self._check_code()
        if filled := fill_empty(self.account.session, labelled(outputs, "secret_arns")):
            self.steps.note(f"gave a random value to the secret {', '.join(filled)}")
        self.attempt.step = "smoke tests"
        report = self._smoke(outputs)
        self.attempt.step = "shift"
        with self.steps.step("shift") as step:
            shifted = shift(self.account.session, outputs, step.say)
            step.text = step.text or "functions run their newest versions already"
            check_aliases(self.account.session, outputs)
        applied = self.attempt.progress.applied
        for stack in applied:
            record_release(environment, self.account.session, stack, release)
        self._keep_evidence()
        return Promoted(
            environment.name, environment.account_id, release, self.attempt.holder.promotion, digest, applied, shifted,
            self.attempt.seconds, report,
        )  # fmt: skip

    def _upload(self) -> None:
        self.attempt.step = "artifacts"
        if built := self.gathered.subject.built:
            with self.steps.step("artifacts") as step:
                bucket = self.account.environment.artifact_bucket
                uploaded = upload_artifacts(built, self.account.session, bucket, self.steps.note)
                step.say(f"uploaded {', '.join(uploaded)}" if uploaded else "in the artifact bucket already")

    def _apply(self) -> str:
        """Plan, have approved and apply until every stack is applied; returns the digest of the first plan.

        More than once where the plan of a stack is known only when what it needs is applied.
        """
        applied = self.attempt.progress.applied
        first: Planned | None = None
        changes: list[Change] = []
        while first is None or len(applied) < len(first.plans):
            self.attempt.step = "plan"
            planned = make_plan(
                self.gathered.subject, self.account, self.folder, self.settings, self.steps, lock=True, without=applied
            )
            print_plan(planned)
            if first is None:
                for stack in leftover_stacks(self.account, planned.plans):
                    self.steps.note(leftover_line(self.request.environment, stack, self.request.rehearse))
            check_destroys(planned, changes, self.request)
            self.attempt.step = "policies"
            check_policies(planned, self.folder, self.steps)
            self.attempt.step = "approval"
            account_id = self.account.environment.account_id
            approve(planned, self.request, self.rules, account_id, first is not None, self.steps)
            self.attempt.begin_to_apply(planned.digest)
            apply_plans(planned, self.folder, self.steps, self.attempt.progress)
            first = first or planned
            changes += planned.changes
        return first.digest

    def _check_code(self) -> Outputs:
        """Compare what is deployed with what was tested, before an event reaches any of it; returns the outputs."""
        environment, session = self.account.environment, self.account.session
        stacks = [found for name in self._stacks if (found := read_deployed(environment, session, name))]
        with self.steps.step("code") as step:
            step.say("comparing the code of every function and layer with what was tested")
            manifests = read_manifests(self._code / "terraform" / "stacks")
            compared: set[str] = set()
            for stack in stacks:
                allowed = allowed_code(self.gathered.subject.hashes, stack.name, with_needs(manifests, [stack.name]))
                compared |= {*check_code(session, stack.resources, stack.outputs, allowed)}
            step.say(f"{len(compared)} functions and layers are what was tested")
        return {stack.name: stack.outputs for stack in stacks}

    def _smoke(self, outputs: Outputs) -> Path:
        """The release's own smoke tests, before any function is called in its new version."""
        outputs_file = self.folder / "outputs.json"
        outputs_file.write_text(json.dumps(outputs))
        variables = {**self.account.variables, "STOCKROOM_E2E_OUTPUTS": str(outputs_file)}
        code = self._code
        request = TestRequest(self.request.environment, Selection(smoke=True))
        (result,) = run_rounds(request, variables, self.folder, self.steps, code)
        if result.exit_code:
            raise StockroomError(
                f"smoke tests failed: {result.outcomes}",
                f"events still reach the versions before; mend it and promote that, or run the same command again; "
                f"the report is {result.report}",
            )
        return result.report

    def _keep_evidence(self) -> None:
        if self.gathered.evidence:
            self.account.session.client("s3").put_object(
                Bucket=self.account.environment.state_bucket,
                Key=f"{EVIDENCE_PREFIX}{self.gathered.subject.release.digest}.json",
                Body=json.dumps(self.gathered.evidence, indent=2).encode(),
                ContentType="application/json",
            )


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
