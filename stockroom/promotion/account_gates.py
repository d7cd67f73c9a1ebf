"""The gates that look at the environment's account, and at the ledger of the environment before it. Pure."""

from __future__ import annotations

from stockroom.promotion.ledger import current, ran, unfinished
from stockroom.promotion.promotion_lock import way_out
from stockroom.promotion.rules import Rules
from stockroom.promotion.verdicts import AccountFacts, Facts, Verdict, Waivers

CLOCK_TOLERANCE_SECONDS = 300
_SHOWN = 3


def account_gates(facts: Facts, rules: Rules, waivers: Waivers) -> list[Verdict]:
    """A verdict for each of them, in the order in which they are shown."""
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
