"""Gates: what must hold before anything is touched. Pure: facts and rules in, a verdict for each gate out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from stockroom.promotion.ledger import Deed, Promotion, current, ran, unfinished
from stockroom.promotion.promotion_lock import Holder, way_out
from stockroom.promotion.rules import Rules
from stockroom.releases.artifacts import Hashes, artifacts_of
from stockroom.releases.evidence import parse_evidence
from stockroom.releases.release import Release

Signature = Literal["good", "bad", "none", "no key"]

CLOCK_TOLERANCE_SECONDS = 300
_SHOWN = 3


@dataclass(frozen=True)
class AccountFacts:
    """What the environment's account says.

    `missing` are names of buckets that bootstrap makes. `before` is the ledger of the environment that comes before,
    or why it can't be read. `drift` names what differs from the last applied release; None where nobody has looked.
    `lacking` are the keys of a release's bundles and layers that the artifact bucket should hold and does not.
    """

    caller: str
    clock_skew_seconds: float | None
    missing: tuple[str, ...] = ()
    holder: Holder | None = None
    promotions: tuple[Promotion, ...] = ()
    before: tuple[Promotion, ...] | str = ()
    drift: tuple[str, ...] | None = None
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """All that gates look at. `artifacts` are the hashes of the release's, `rebuilt` is the digest that a clean
    check-out of its commit has with these.

    `account` is None where the credentials do not lead to it, and `account_problem` then says why, with a hint.
    """

    environment: str
    kind: Deed
    release: Release
    artifacts: Hashes
    changed_files: tuple[str, ...]
    not_pushed: str | None
    evidence: Mapping[str, Any] | None
    signature: Signature
    account: AccountFacts | None
    account_problem: tuple[str, str | None] | None = None
    rebuilt: str | None = None


@dataclass(frozen=True)
class Waivers:
    """What the user takes upon themselves: going on with drift, and a promotion in a freeze (why, for the ledger)."""

    accept_drift: bool = False
    during_freeze: str = ""


@dataclass(frozen=True)
class Verdict:
    """`passed` is None where a gate could not be looked at because of another one."""

    gate: str
    passed: bool | None
    words: str
    hint: str | None = field(default=None)


def check(facts: Facts, rules: Rules, waivers: Waivers, now: datetime) -> list[Verdict]:
    """A verdict for each gate, in the order in which they are shown."""
    return [
        _freeze(rules, waivers, now),
        _work_tree(facts),
        _branch(facts, rules),
        _evidence(facts),
        _signature(facts, rules),
        _age(facts, rules, now),
        _artifacts(facts),
        _credentials(facts),
        *_account_gates(facts, rules, waivers),
    ]


def refused(verdicts: list[Verdict]) -> bool:
    return any(verdict.passed is not True for verdict in verdicts)


def all_but_drift(verdicts: list[Verdict]) -> bool:
    """Whether every gate is passed, but for the one that is looked at last since it takes long."""
    return all(verdict.passed is True or verdict.gate == "drift" for verdict in verdicts)


def _freeze(rules: Rules, waivers: Waivers, now: datetime) -> Verdict:
    freeze = rules.frozen_by(now)
    if freeze is None:
        return Verdict("freeze", True, "no freeze now" if rules.freeze else "this environment has none")
    if waivers.during_freeze:
        return Verdict("freeze", True, f"frozen from {freeze}; going on: {waivers.during_freeze}")
    hint = 'wait, or give the reason why it can\'t with --during-freeze "…", which the ledger keeps'
    return Verdict("freeze", False, f"frozen from {freeze} ({rules.timezone})", hint)


def _work_tree(facts: Facts) -> Verdict:
    if facts.kind == "rollback":
        return Verdict("work tree", True, "not used: the release is taken from its commit")
    if facts.release.commit is None:
        return Verdict("work tree", False, "this is no git clone", "promote from a clone of the repository")
    if facts.changed_files:
        more = len(facts.changed_files) - _SHOWN
        names = ", ".join(facts.changed_files[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return Verdict("work tree", False, f"not committed: {names}", "commit or remove it, then test that release")
    return Verdict("work tree", True, f"clean at commit {facts.release.commit[:12]}")


def _branch(facts: Facts, rules: Rules) -> Verdict:
    if facts.release.commit is None:
        return Verdict("branch", None, "not looked at: there is no commit")
    if facts.not_pushed:
        hint = f"push it to '{rules.branch}', the branch that '{facts.environment}' is promoted from"
        return Verdict("branch", False, facts.not_pushed, hint)
    return Verdict("branch", True, f"commit {facts.release.commit[:12]} is on {rules.branch} of origin")


def _evidence(facts: Facts) -> Verdict:
    evidence, digest = facts.evidence, facts.release.digest
    test = "run `invoke e2e` on this commit, or copy its evidence to .stockroom/evidence"
    if evidence is None:
        return Verdict("evidence", False, f"there is none for release {digest[:12]}", test)
    stored = parse_evidence(evidence)
    if stored is None:
        old = evidence.get("format") == 1
        words = "an older version of Stockroom wrote it" if old else "its file is not what `invoke e2e` writes"
        return Verdict("evidence", False, words, test)
    tested, outcomes = stored.release.digest, stored.outcomes
    failed = outcomes.count("failed")
    problem = None
    if facts.rebuilt not in (None, digest):
        commit = (facts.release.commit or "")[:12]
        problem = f"commit {commit} is release {str(facts.rebuilt)[:12]}, and the ledger says {digest[:12]}"
    elif tested != digest:
        problem = f"it is for release {str(tested)[:12]}, and this is {digest[:12]}"
    elif failed:
        problem = f"{failed} of {len(outcomes)} tests failed"
    elif not stored.selection.whole:
        problem = "only some of the tests were run"
    elif not stored.complete or not stored.passed or "passed" not in outcomes:
        problem = "the tests did not run to their end"
    elif stored.release.dirty:
        problem = "it is of a work tree with uncommitted changes"
    elif facts.artifacts != stored.artifacts:
        problem = "other bundles were tested than those of this release"
    if problem:
        return Verdict("evidence", False, problem, test)
    return Verdict("evidence", True, f"{outcomes.count('passed')} tests passed on {stored.engine.name}")


def _signature(facts: Facts, rules: Rules) -> Verdict:
    if facts.evidence is None:
        return Verdict("signature", None, "not looked at: there is no evidence")
    if facts.signature == "bad":
        hint = "run `invoke e2e` again, with the key that promotions are checked with in STOCKROOM_EVIDENCE_KEY"
        return Verdict("signature", False, "the evidence was edited, or signed with another key", hint)
    if facts.signature == "good":
        return Verdict("signature", True, "of the key in STOCKROOM_EVIDENCE_KEY")
    if not rules.signed_evidence:
        return Verdict("signature", True, f"none, which '{facts.environment}' does not ask for")
    if facts.signature == "no key":
        hint = "set STOCKROOM_EVIDENCE_KEY to the key that `invoke e2e` had"
        return Verdict("signature", False, "can't be checked without its key", hint)
    hint = "run `invoke e2e` with STOCKROOM_EVIDENCE_KEY set, as CI does"
    return Verdict("signature", False, "the evidence is not signed", hint)


def _age(facts: Facts, rules: Rules, now: datetime) -> Verdict:
    if facts.evidence is None:
        return Verdict("age", None, "not looked at: there is no evidence")
    again = "run `invoke e2e` again"
    try:
        finished = datetime.fromisoformat(str(facts.evidence["finished"])).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return Verdict("age", False, "the evidence does not say when it was finished", again)
    age = now - finished
    if age < timedelta(seconds=-CLOCK_TOLERANCE_SECONDS):
        hint = "set the clock of this machine, or of the one that ran the tests, and run them again"
        return Verdict("age", False, f"the evidence is from the future: {finished:%Y-%m-%d %H:%M} UTC", hint)
    words = f"the tests ended {finished:%Y-%m-%d %H:%M} UTC"
    if facts.kind == "rollback":
        return Verdict("age", True, f"{words}; a rollback may be to an old release")
    if age > timedelta(days=rules.evidence_days):
        return Verdict("age", False, f"{words}, more than {rules.evidence_days} days ago", again)
    return Verdict("age", True, words)


def _artifacts(facts: Facts) -> Verdict:
    number = len(artifacts_of(facts.artifacts))
    if facts.account and facts.account.lacking:
        hint = "promote that release again from its commit: only the versions of the artifact bucket may still hold it"
        return Verdict("artifacts", False, f"not in the artifact bucket: {', '.join(facts.account.lacking)}", hint)
    where = "in the artifact bucket" if facts.kind == "rollback" else "built from this commit"
    return Verdict("artifacts", True, f"{number} bundles and layers {where}")


def _credentials(facts: Facts) -> Verdict:
    if facts.account is None:
        message, hint = facts.account_problem or ("there is no account", None)
        return Verdict("credentials", False, message, hint)
    return Verdict("credentials", True, facts.account.caller)


def _account_gates(facts: Facts, rules: Rules, waivers: Waivers) -> list[Verdict]:
    if facts.account is None:
        names = ("clock", "backend", "lock", "path", "drift")
        return [Verdict(name, None, "not looked at: there are no credentials") for name in names]
    if facts.account.missing:
        hint = f"run `invoke bootstrap --env {facts.environment}`"
        missing = Verdict("backend", False, f"missing: {', '.join(facts.account.missing)}", hint)
        others = [Verdict(name, None, "not looked at: there is no backend") for name in ("lock", "path", "drift")]
        return [_clock(facts.account), missing, *others]
    return [
        _clock(facts.account),
        Verdict("backend", True, "state and artifact buckets are there"),
        _lock(facts.account),
        _path(facts, facts.account, rules),
        _drift(facts.environment, facts.account, waivers),
    ]


def _clock(account: AccountFacts) -> Verdict:
    skew = account.clock_skew_seconds
    if skew is None:
        return Verdict("clock", True, "AWS did not say what time it is")
    if abs(skew) > CLOCK_TOLERANCE_SECONDS:
        words = f"this machine's is {abs(skew) / 60:.0f} minutes {'ahead of' if skew > 0 else 'behind'} AWS's"
        return Verdict("clock", False, words, "set the clock: age, freeze and ledger go by it")
    return Verdict("clock", True, "as AWS's")


def _lock(account: AccountFacts) -> Verdict:
    if account.holder is None:
        return Verdict("lock", True, "no other promotion is in progress")
    if account.holder.has_died:
        return Verdict("lock", True, f"left by a promotion that was killed ({account.holder}); this one takes it over")
    return Verdict("lock", False, f"another promotion is in progress: {account.holder}", way_out(account.holder))


def _path(facts: Facts, account: AccountFacts, rules: Rules) -> Verdict:
    digest = facts.release.digest
    if rules.after is None:
        return Verdict("path", True, "the first environment of the path")
    if isinstance(account.before, str):
        hint = f"`invoke bootstrap --env {rules.after}` lets this account read its ledger"
        return Verdict("path", False, f"the ledger of '{rules.after}' can't be read: {account.before}", hint)
    runs = current(account.before)
    if facts.kind == "rollback" and ran(account.before, digest):
        return Verdict("path", True, f"{rules.after} ran release {digest[:12]} before")
    if runs is None or runs.digest != digest:
        words = f"runs release {runs.digest[:12]}" if runs else "runs no release"
        hint = f"promote this one there first: `invoke promote --env {rules.after}`"
        return Verdict("path", False, f"{rules.after} {words}, and this is {digest[:12]}", hint)
    if stuck := unfinished(account.before):
        hint = f"bring it to its end first: `invoke promote --env {rules.after}`"
        return Verdict("path", False, f"a promotion of {stuck.digest[:12]} to {rules.after} is unfinished", hint)
    return Verdict("path", True, f"{rules.after} runs this release")


def _drift(environment: str, account: AccountFacts, waivers: Waivers) -> Verdict:
    promotions = account.promotions
    if stuck := unfinished(promotions):
        return Verdict("drift", True, f"the promotion of {stuck.digest[:12]} did not end; the plan shows what is left")
    if current(promotions) is None:
        return Verdict("drift", True, "nothing was promoted here yet")
    if account.drift is None:
        return Verdict("drift", None, "not looked at: the other gates come first")
    if not account.drift:
        return Verdict("drift", True, "everything is as the last release left it")
    more = len(account.drift) - _SHOWN
    names = ", ".join(account.drift[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
    if waivers.accept_drift:
        return Verdict("drift", True, f"accepted: {names}")
    hint = f"look at it with `invoke drift --env {environment}`; --accept-drift goes on, and the plan puts it back"
    return Verdict("drift", False, f"changed since the last release: {names}", hint)
