"""Evidence: the record that a release passed the end-to-end suite. docs/evidence.md describes the file."""

from __future__ import annotations

import hashlib
import hmac
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from stockroom.project import HOME
from stockroom.releases.artifacts import Hashes, Kind
from stockroom.releases.outcomes import FAILED, PASSED, SKIPPED
from stockroom.releases.release import Release
from stockroom.stored import Digest, Name, Words
from stockroom.system.files import write_whole

EVIDENCE_DIR = HOME / "evidence"
FORMAT = 2


@dataclass(frozen=True)
class Selection:
    """Which tests ran: `only` is an expression of pytest's -k (empty: no restriction)."""

    only: str = ""
    smoke: bool = False

    @property
    def whole(self) -> bool:
        return not self.only and not self.smoke


@dataclass(frozen=True)
class Evidence:
    """What was tested (release and hashes of its artifacts), on what (versions), and what came of it (id → outcome).

    `complete` says that every round ran to its end: a test that never ran can't have failed.
    """

    release: Release
    artifacts: Hashes
    engine: str
    versions: dict[str, str | None]
    selection: Selection
    rounds: int
    complete: bool
    outcomes: dict[str, str]
    started: datetime
    finished: datetime
    host: dict[str, str] = field(
        default_factory=lambda: {"python": platform.python_version(), "os": platform.platform()}
    )

    @property
    def passed(self) -> bool:
        """True of a run of the whole suite in which something passed and nothing failed."""
        outcomes = set(self.outcomes.values())
        return self.selection.whole and self.complete and PASSED in outcomes and FAILED not in outcomes

    def as_json(self) -> dict[str, Any]:
        results = list(self.outcomes.values())
        return {
            "format": FORMAT,
            "passed": self.passed,
            "release": asdict(self.release),
            "artifacts": self.artifacts,
            "engine": {"name": self.engine, "versions": self.versions},
            "python": self.host["python"],
            "platform": self.host["os"],
            "selection": {"whole": self.selection.whole, **asdict(self.selection)},
            "rounds": self.rounds,
            "complete": self.complete,
            "counts": {outcome: results.count(outcome) for outcome in (PASSED, FAILED, SKIPPED)},
            "tests": [{"id": name, "outcome": outcome} for name, outcome in sorted(self.outcomes.items())],
            "started": _utc(self.started),
            "finished": _utc(self.finished),
            "duration_seconds": round((self.finished - self.started).total_seconds(), 3),
        }


class StoredEvidence(BaseModel):
    """Evidence as it is read from a file or a bucket, as far as a promotion goes by it."""

    model_config = ConfigDict(strict=True, frozen=True)

    class Release(BaseModel):
        digest: Digest
        dirty: StrictBool

    class Selection(BaseModel):
        whole: StrictBool

    class Test(BaseModel):
        outcome: Literal["passed", "failed", "skipped"]

    class Engine(BaseModel):
        name: Words = "an engine"

    format: Literal[2]
    passed: bool
    release: Release
    artifacts: dict[Name, dict[Kind, dict[Name, Digest]]] | None = None
    engine: Engine = Engine()
    selection: Selection
    complete: bool
    tests: list[Test]

    @property
    def outcomes(self) -> list[str]:
        return [test.outcome for test in self.tests]


def parse_evidence(content: Mapping[str, Any]) -> StoredEvidence | None:
    """What the evidence says; None when it is not what `invoke e2e` writes."""
    try:
        return StoredEvidence.model_validate(content)
    except ValidationError:
        return None


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read_evidence(digest: str, folder: Path = EVIDENCE_DIR) -> dict[str, Any] | None:
    """The evidence of a release as it is in its file; None when there is none, or the file is damaged."""
    try:
        content = json.loads((folder / f"{digest}.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def sign(content: Mapping[str, Any], key: str) -> str:
    """HMAC-SHA256 (hex) of the evidence, but for its signature, as JSON with sorted keys and without spaces."""
    unsigned = {name: value for name, value in content.items() if name != "signature"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_signed(content: Mapping[str, Any], key: str) -> bool:
    """Whether the signature is there, of this key, and of exactly this content."""
    return hmac.compare_digest(str(content.get("signature", "")).encode(), sign(content, key).encode())


def write_evidence(evidence: Evidence, folder: Path = EVIDENCE_DIR, key: str | None = None) -> Path | None:
    """Write the evidence of its release in one step, over what was there; signed if there is a key. Returns the file.

    A run of some of the tests says less than a run of all: it does not replace that, and None is returned.
    """
    digest = evidence.release.digest
    path = folder / f"{digest}.json"
    before = read_evidence(digest, folder)
    if before and before.get("selection", {}).get("whole") and not evidence.selection.whole:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    content = evidence.as_json()
    if key:
        content["signature"] = sign(content, key)
    write_whole(path, f"{json.dumps(content, indent=2)}\n".encode())
    return path
