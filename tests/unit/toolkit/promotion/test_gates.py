"""Each gate: what it passes, what it refuses, with which words, and what it says to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stockroom.promotion.gates import all_but_drift, check, refused
from stockroom.promotion.ledger import Promotion
from stockroom.promotion.promotion_lock import Holder, new_holder
from stockroom.promotion.rules import Freeze, Rules
from stockroom.promotion.verdicts import AccountFacts, Facts, Verdict, Waivers
from stockroom.releases.artifacts import Hashes, Kind
from stockroom.releases.release import Release

NOW = datetime(2026, 11, 19, 12, tzinfo=UTC)
DIGEST, OTHER = "ab" * 32, "cd" * 32


def artifacts(stack: str, sha256: str) -> Hashes:
    """Of a function of one name in two stacks."""
    same = {"orders": "11" * 32}
    hashes: dict[str, dict[Kind, dict[str, str]]] = {name: {"bundles": same, "layers": {}} for name in ("lake", "shop")}
    return hashes | {stack: {"bundles": {"orders": sha256}, "layers": {}}}


ARTIFACTS = artifacts("shop", "33" * 32)
RULES = Rules(after="test", branch="main", approval="typed", signed_evidence=True, evidence_days=7)


def promotion(digest: str = DIGEST, result: Any = "succeeded", applying: bool = True) -> Promotion:
    release = {"digest": digest, "commit": "c" * 40, "dirty": False}
    return Promotion("p", "promotion", release, "me", "2026-11-18T10:00:00Z", result=result, applying=applying)


EVIDENCE: dict[str, Any] = {
    "format": 2,
    "passed": True,
    "release": {"digest": DIGEST, "commit": "c" * 40, "dirty": False},
    "artifacts": ARTIFACTS,
    "engine": {"name": "localstack"},
    "selection": {"whole": True},
    "complete": True,
    "tests": [{"id": "a", "outcome": "passed"}, {"id": "b", "outcome": "passed"}],
    "finished": "2026-11-18T09:00:00Z",
}
ACCOUNT = AccountFacts(
    "arn:aws:iam::333333333333:role/deploy", 0.5, promotions=(promotion(OTHER),), before=(promotion(),), drift=()
)
FACTS = Facts(
    "prod", "promotion", Release(DIGEST, "c" * 40, dirty=False), ARTIFACTS, (), None, EVIDENCE, "good", ACCOUNT
)
ELSEWHERE = replace(new_holder("invoke promote --env prod"), machine="other/0123", pid=1, who="ann@other")
DEAD = replace(new_holder("invoke promote --env prod"), process_started=0.0)


def verdict(facts: Facts, gate: str, rules: Rules = RULES, waivers: Waivers | None = None) -> Verdict:
    return {one.gate: one for one in check(facts, rules, waivers or Waivers(), NOW)}[gate]


def account(**changes: Any) -> Facts:
    return replace(FACTS, account=replace(ACCOUNT, **changes))


def evidence(**changes: Any) -> Facts:
    return replace(FACTS, evidence=EVIDENCE | changes)


def test_everything_as_it_should_be() -> None:
    verdicts = check(FACTS, RULES, Waivers(), NOW)
    assert [(one.gate, one.words) for one in verdicts if one.passed is not True] == []
    assert not refused(verdicts)
    names = ["freeze", "work tree", "branch", "evidence", "signature", "age", "artifacts", "credentials", "clock"]
    assert [one.gate for one in verdicts] == [*names, "backend", "lock", "path", "drift"]


BROKEN: list[tuple[Facts, str, str]] = [
    (replace(FACTS, release=Release(DIGEST, None, dirty=False)), "work tree", "no git clone"),
    (replace(FACTS, changed_files=("a", "b", "c", "d", "e")), "work tree", "not committed: a, b, c and 2 more"),
    (replace(FACTS, not_pushed="commit c is not on branch 'main' of origin"), "branch", "not on branch 'main'"),
    (replace(FACTS, evidence=None), "evidence", "there is none for release abababababab"),
    (evidence(release={"digest": OTHER, "dirty": False}), "evidence", "it is for release cdcdcdcdcdcd"),
    (evidence(tests=[{"id": "a", "outcome": "failed"}, {"id": "b", "outcome": "passed"}]), "evidence", "1 of 2 tests"),
    (evidence(tests=[]), "evidence", "did not run to their end"),
    (evidence(tests=[{"id": "a", "outcome": "skipped"}]), "evidence", "did not run to their end"),
    (evidence(passed=False), "evidence", "did not run to their end"),
    (evidence(complete=False), "evidence", "did not run to their end"),
    (evidence(selection={"whole": False}), "evidence", "only some of the tests"),
    (evidence(release={"digest": DIGEST, "dirty": True}), "evidence", "uncommitted changes"),
    (evidence(artifacts=artifacts("shop", "22" * 32)), "evidence", "other bundles were tested"),
    (evidence(artifacts=artifacts("lake", "33" * 32)), "evidence", "other bundles were tested"),
    (evidence(artifacts={"shop": ARTIFACTS["shop"]}), "evidence", "other bundles were tested"),
    (evidence(artifacts=None), "evidence", "other bundles were tested"),
    (evidence(format=1), "evidence", "an older version of Stockroom wrote it"),
    (evidence(tests=None), "evidence", "not what `invoke e2e` writes"),
    (replace(FACTS, evidence={}), "evidence", "not what `invoke e2e` writes"),
    (replace(FACTS, signature="bad"), "signature", "edited, or signed with another key"),
    (replace(FACTS, signature="none"), "signature", "not signed"),
    (replace(FACTS, signature="no key"), "signature", "can't be checked without its key"),
    (evidence(finished="2026-11-12T11:59:00Z"), "age", "more than 7 days ago"),
    (evidence(finished="2026-11-19T12:06:00Z"), "age", "from the future"),
    (evidence(finished="lately"), "age", "does not say when"),
    (account(lacking=("orders/11.zip",)), "artifacts", "not in the artifact bucket: orders/11.zip"),
    (account(clock_skew_seconds=-900.0), "clock", "15 minutes behind AWS's"),
    (account(clock_skew_seconds=301.0), "clock", "5 minutes ahead of AWS's"),
    (account(missing=("state",)), "backend", "missing: state"),
    (account(holder=ELSEWHERE), "lock", "another promotion is in progress: `invoke promote --env prod` of ann@other"),
    (account(before=()), "path", "test runs no release"),
    (account(before=(promotion(OTHER),)), "path", "test runs release cdcdcdcdcdcd"),
    (account(before=(promotion(), promotion(OTHER))), "path", "test runs release cdcdcdcdcdcd"),
    (account(before=(promotion(result="failed"),)), "path", "test runs no release"),
    (account(before=(promotion(), promotion(OTHER, "failed"))), "path", "a promotion of cdcdcdcdcdcd to test is"),
    (account(before="AccessDenied"), "path", "the ledger of 'test' can't be read: AccessDenied"),
    (account(drift=("s: ~ a", "s: - b", "s: + c", "s: + d")), "drift", "s: ~ a, s: - b, s: + c and 1 more"),
]


@pytest.mark.parametrize(("facts", "gate", "words"), BROKEN, ids=[f"{gate}: {words}" for _, gate, words in BROKEN])
def test_what_is_refused(facts: Facts, gate: str, words: str) -> None:
    found = verdict(facts, gate)
    assert found.passed is False
    assert words in found.words
    assert found.hint
    assert refused(check(facts, RULES, Waivers(), NOW))


def test_credentials_that_lead_nowhere() -> None:
    facts = replace(FACTS, account=None, account_problem=("these credentials are of account 1", "sign in to 3"))
    found = verdict(facts, "credentials")
    assert (found.passed, found.words, found.hint) == (False, "these credentials are of account 1", "sign in to 3")
    unknown = [one.gate for one in check(facts, RULES, Waivers(), NOW) if one.passed is None]
    assert unknown == ["clock", "backend", "lock", "path", "drift"]


def test_a_freeze_and_the_reason_to_go_on() -> None:
    rules = RULES.model_copy(update={"freeze": (Freeze(start="Thu 11:00", until="Thu 13:00"),)})
    assert verdict(FACTS, "freeze", rules).passed is False
    found = verdict(FACTS, "freeze", rules, Waivers(during_freeze="the shop is down"))
    assert found.passed is True
    assert "the shop is down" in found.words


def test_unsigned_evidence_is_good_where_it_need_not_be_signed_and_edited_evidence_nowhere() -> None:
    rules = RULES.model_copy(update={"signed_evidence": False})
    assert verdict(replace(FACTS, signature="none"), "signature", rules).passed is True
    assert verdict(replace(FACTS, signature="no key"), "signature", rules).passed is True
    assert verdict(replace(FACTS, signature="bad"), "signature", rules).passed is False


def test_a_lock_of_a_process_that_has_died_here_is_taken_over() -> None:
    found = verdict(account(holder=DEAD), "lock")
    assert found.passed is True
    assert "takes it over" in found.words


def test_a_lock_of_a_process_that_runs_here_is_not() -> None:
    mine: Holder = new_holder("invoke promote --env prod")
    assert verdict(account(holder=mine), "lock").passed is False


def test_the_way_out_of_a_lock_of_another_machine() -> None:
    hint = verdict(account(holder=ELSEWHERE), "lock").hint
    assert hint
    assert f"invoke unlock --promotion {ELSEWHERE.promotion}" in hint


def test_drift_is_not_asked_for_where_a_promotion_did_not_end_or_none_was_made() -> None:
    assert verdict(account(drift=None), "drift").passed is None
    assert all_but_drift(check(account(drift=None), RULES, Waivers(), NOW))
    assert verdict(account(drift=None, promotions=()), "drift").passed is True
    assert verdict(account(drift=None, promotions=(promotion(), promotion(OTHER, "failed"))), "drift").passed is True


def test_drift_may_be_accepted() -> None:
    found = verdict(account(drift=("s: ~ a",)), "drift", waivers=Waivers(accept_drift=True))
    assert found.passed is True
    assert "s: ~ a" in found.words


def test_the_first_environment_of_the_path_has_none_before() -> None:
    rules = RULES.model_copy(update={"after": None})
    assert verdict(account(before=()), "path", rules).passed is True


def test_a_rollback_may_be_to_an_old_release_that_the_environment_before_ran_once() -> None:
    back = replace(account(before=(promotion(), promotion(OTHER))), kind="rollback", changed_files=("a",))
    assert verdict(back, "path").passed is True
    assert verdict(back, "work tree").passed is True
    assert verdict(replace(back, evidence=EVIDENCE | {"finished": "2025-01-01T00:00:00Z"}), "age").passed is True
    assert verdict(replace(account(before=(promotion(OTHER),)), kind="rollback"), "path").passed is False
