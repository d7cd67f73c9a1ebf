"""Gates: what must hold before anything is touched. Pure: facts and rules in, a verdict for each gate out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stockroom.promotion.account_gates import CLOCK_TOLERANCE_SECONDS, account_gates
from stockroom.promotion.rules import Rules
from stockroom.promotion.verdicts import Facts, Verdict, Waivers
from stockroom.releases.artifacts import artifacts_of
from stockroom.releases.evidence import parse_evidence

_SHOWN = 3


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
        *account_gates(facts, rules, waivers),
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
