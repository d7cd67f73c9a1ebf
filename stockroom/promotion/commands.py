"""`invoke plan`, `drift`, `history`, `status`, `release`, `unlock`: what promotions would do, did, and left locked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from stockroom.bootstrap import Readers, bootstrap
from stockroom.console import Steps, out
from stockroom.environments import read_environment
from stockroom.errors import StockroomError
from stockroom.explain import explain
from stockroom.promotion.account import Account, open_account
from stockroom.promotion.approval import RefusedError
from stockroom.promotion.drift import drift_of
from stockroom.promotion.facts import bucket_is_there, gather, signature_of
from stockroom.promotion.folders import ensure_engine, promotion_folder, promotions_dir
from stockroom.promotion.gates import check
from stockroom.promotion.ledger import PREFIX, Promotion, current, fold, read_events, unfinished
from stockroom.promotion.leftovers import leftover_line, leftover_stacks, stacks_of
from stockroom.promotion.planning import make_plan, markdown, print_plan
from stockroom.promotion.promotion_lock import new_holder, read_lock
from stockroom.promotion.request import Request
from stockroom.promotion.rules import Rules, next_of, path_names, read_rules
from stockroom.promotion.subject import built_subject
from stockroom.releases.code import work_tree
from stockroom.releases.evidence import EVIDENCE_DIR, parse_evidence, read_evidence
from stockroom.settings import Settings

DRIFTED = 2
_SHOWN = 20


def plan(settings: Settings, request: Request, rules: Rules, output: Path | None, steps: Steps) -> str:
    """Show what a promotion would change and return the plan's digest; only reads. `output` gets it as Markdown."""
    if request.rehearse:
        ensure_engine(settings, steps)
    top = promotions_dir(settings, request.environment, request.rehearse)
    with promotion_folder(top, new_holder(request.command).promotion) as folder:
        gathered = gather(settings, request, rules, folder, steps)
        # What a plan can't do without; every other gate is for the promotion itself.
        for verdict in check(gathered.facts, rules, request.waivers, datetime.now(UTC)):
            if verdict.gate in {"work tree", "credentials", "backend"} and not verdict.passed:
                raise RefusedError(f"{verdict.gate}: {verdict.words}", verdict.hint)
        assert gathered.account
        planned = make_plan(gathered.subject, gathered.account, folder, settings, steps, lock=False)
        leftovers = leftover_stacks(gathered.account, planned.plans)
    print_plan(planned)
    for stack in leftovers:
        steps.note(leftover_line(request.environment, stack, request.rehearse))
    if output:
        release = gathered.subject.release.digest
        output.write_text(markdown(release, planned), encoding="utf-8")
    return planned.digest


@dataclass(frozen=True)
class Runs:
    """What an environment runs. `problem` says why that can't be told; `between` is a promotion that did not end."""

    environment: str
    account_id: str
    release: Promotion | None = None
    between: Promotion | None = None
    holder: str | None = None
    problem: str | None = None


def _account(settings: Settings, name: str, rehearse: bool) -> Account:
    return open_account(read_environment(name), read_rules(name), settings, rehearse)


def _ledger(account: Account) -> list[Promotion]:
    s3, bucket = account.session.client("s3"), account.environment.state_bucket
    if not bucket_is_there(s3, bucket, account.environment.account_id):
        raise StockroomError(
            f"there is no state bucket {bucket}", f"run `invoke bootstrap --env {account.environment.name}`"
        )
    return fold(read_events(s3, bucket))


def read_runs(settings: Settings, names: list[str], rehearse: bool) -> list[Runs]:
    """What each of the environments runs, as its ledger tells."""
    found = []
    for name in names:
        try:
            found.append(_read_runs(_account(settings, name, rehearse)))
        except Exception as error:
            known = explain(error)
            if known is None:
                raise
            found.append(Runs(name, read_environment(name).account_id, problem=known.message))
    return found


def _read_runs(account: Account) -> Runs:
    promotions = _ledger(account)
    held = read_lock(account.session.client("s3"), account.environment.state_bucket)
    holder = str(held.holder) if held and not held.holder.has_died else None
    where = account.environment
    return Runs(where.name, where.account_id, current(promotions), unfinished(promotions), holder)


def print_runs(runs: list[Runs], as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(one) for one in runs], indent=2))
        return
    table = Table("environment", "account", "release", "commit", "since", "", box=None, pad_edge=False)
    for one in runs:
        release = one.release
        remarks = [one.problem] if one.problem else []
        remarks += [f"promotion of {one.between.digest[:12]} {one.between.result}"] if one.between else []
        remarks += [f"in progress: {one.holder}"] if one.holder else []
        cells = (release.digest[:12], release.commit[:12], release.finished or "") if release else ("none", "", "")
        table.add_row(one.environment, one.account_id, *cells, escape("; ".join(remarks)))
    out.print(table)


def print_history(settings: Settings, name: str, rehearse: bool, as_json: bool) -> None:
    """Every promotion to the environment, the newest last; not as JSON, the last twenty."""
    promotions = _ledger(_account(settings, name, rehearse))
    if as_json:
        print(json.dumps([asdict(one) for one in promotions], indent=2))
        return
    if not promotions:
        out.print(f"nothing was promoted to {name} yet")
    table = Table("promotion", "kind", "release", "plan", "result", "took", "who", box=None, pad_edge=False)
    for one in promotions[-_SHOWN:]:
        result = one.result if one.result == "succeeded" else f"{one.result} at {one.step or 'an unknown step'}"
        took = f"{one.duration_seconds:.0f} s" if one.duration_seconds is not None else ""
        table.add_row(one.id, one.kind, one.digest[:12], (one.plan_digest or "")[:12], result, took, escape(one.who))
    out.print(table)


def find_drift(settings: Settings, names: list[str], rehearse: bool, steps: Steps) -> int:
    """Compare each environment with its last release and print what differs.

    Returns 0 where nothing does, 2 where something does, 1 where an environment could not be looked at.
    """
    code = 0
    for name in names:
        try:
            with steps.step(f"drift {name}") as step:
                step.say("comparing")
                drift = _find_drift(settings, name, rehearse)
                (step.fail if drift else step.say)(_drift_words(drift))
        except Exception as error:
            known = explain(error)
            if known is None or len(names) == 1:
                raise
            steps.note(f"{name}: {known.message}")
            code = code or 1
            continue
        for line in drift or ():
            out.print(f"  {line}", markup=False, soft_wrap=True)
        code = DRIFTED if drift else code
    return code


def _find_drift(settings: Settings, name: str, rehearse: bool) -> tuple[str, ...] | None:
    account = _account(settings, name, rehearse)
    id_ = new_holder(f"invoke drift --env {name}").promotion
    with promotion_folder(promotions_dir(settings, name, rehearse), id_) as folder:
        drift, promotions = None, _ledger(account)
        if (runs := current(promotions)) and (drift := drift_of(account, promotions, folder, settings)) is not None:
            left = leftover_stacks(account, stacks_of(runs.commit))
            drift += tuple(leftover_line(name, stack, rehearse) for stack in left)
        return drift


def _drift_words(drift: tuple[str, ...] | None) -> str:
    if drift is None:
        return "nothing was promoted here yet"
    return f"{len(drift)} differences" if drift else "as the last release left it"


def print_release(settings: Settings, as_json: bool, steps: Steps) -> None:
    """The release that the work tree is, and its evidence."""
    subject = built_subject(work_tree(), steps)
    evidence = read_evidence(subject.release.digest)
    signature = signature_of(evidence, settings)
    if as_json:
        print(
            json.dumps(
                {"release": asdict(subject.release), "artifacts": subject.hashes, "evidence": evidence}, indent=2
            )
        )
        return
    out.print(f"release {subject.release.digest}", soft_wrap=True)
    out.print(
        f"  commit    {subject.release.commit or 'none'}{' and uncommitted changes' if subject.release.dirty else ''}"
    )
    if evidence is None:
        out.print("  evidence  none; `invoke e2e` makes it")
        return
    stored = parse_evidence(evidence)
    outcomes = stored.outcomes if stored else []
    counts = ", ".join(f"{outcomes.count(one)} {one}" for one in ("passed", "failed", "skipped") if one in outcomes)
    word = "passed" if stored and stored.passed else "not passed"
    out.print(f"  evidence  {word}: {counts}; {evidence.get('finished')}; signature: {signature}", soft_wrap=True)
    out.print(f"            {EVIDENCE_DIR / subject.release.digest}.json", soft_wrap=True)


def bootstrap_account(settings: Settings, name: str, rehearse: bool, steps: Steps) -> None:
    """State bucket, lock table and artifact bucket of an environment that releases are promoted to."""
    if rehearse:
        ensure_engine(settings, steps)
    with steps.step("bootstrap") as step:
        account = _account(settings, name, rehearse)
        created = bootstrap(account.environment, account.session, ledger_readers(name))
        step.say(f"created {', '.join(created)}" if created else "everything is there already")


def ledger_readers(name: str) -> Readers:
    """The accounts of the environments that a release goes to from this one: they ask its ledger what runs here."""
    after = {one: read_rules(one).after for one in path_names()}
    return Readers(tuple(read_environment(one).account_id for one in next_of(name, after)), PREFIX)


def wanted_environments(env: str, every: bool) -> list[str]:
    """The environments that `--env` and `--all` name. Raises StockroomError unless exactly one of them is given."""
    if bool(env) == every:
        raise StockroomError("give --env NAME or --all", f"environments are: {', '.join(path_names())}")
    if env:
        read_rules(env)
    return [env] if env else path_names()
