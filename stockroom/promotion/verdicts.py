"""What gates look at, and what they say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stockroom.promotion.ledger import Deed, Promotion
from stockroom.promotion.promotion_lock import Holder
from stockroom.releases.artifacts import Hashes
from stockroom.releases.release import Release

Signature = Literal["good", "bad", "none", "no key"]


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
