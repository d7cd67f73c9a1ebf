import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stockroom.releases.artifacts import Hashes
from stockroom.releases.evidence import (
    Evidence,
    Selection,
    is_signed,
    read_evidence,
    write_evidence,
)
from stockroom.releases.release import Release

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ARTIFACTS: Hashes = {
    "lake": {"bundles": {"ingest": "a" * 64}, "layers": {}},
    "shop": {"bundles": {"ingest": "b" * 64}, "layers": {"tables": "c" * 64}},
}
WHOLE = Evidence(
    release=Release("d" * 64, "c" * 40, dirty=False),
    artifacts=ARTIFACTS,
    engine="localstack",
    versions={"terraform": "1.11.4"},
    selection=Selection(),
    rounds=1,
    complete=True,
    outcomes={"b": "passed", "a": "skipped"},
    started=STARTED,
    finished=STARTED + timedelta(seconds=61.5),
)
PART = replace(WHOLE, selection=Selection(only="orders"))


def test_what_is_written(tmp_path: Path) -> None:
    path = write_evidence(WHOLE, tmp_path / "evidence")
    assert path == tmp_path / "evidence" / f"{'d' * 64}.json"
    written = json.loads(path.read_text())
    assert written == read_evidence("d" * 64, tmp_path / "evidence")
    assert written.pop("python").startswith("3.")
    assert written.pop("platform")
    assert written == {
        "format": 2,
        "passed": True,
        "release": {"digest": "d" * 64, "commit": "c" * 40, "dirty": False},
        "artifacts": ARTIFACTS,
        "engine": {"name": "localstack", "versions": {"terraform": "1.11.4"}},
        "selection": {"whole": True, "only": "", "smoke": False},
        "rounds": 1,
        "complete": True,
        "counts": {"passed": 1, "failed": 0, "skipped": 1},
        "tests": [{"id": "a", "outcome": "skipped"}, {"id": "b", "outcome": "passed"}],
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:06Z",
        "duration_seconds": 61.5,
    }
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "evidence",
    [
        PART,
        replace(WHOLE, selection=Selection(smoke=True)),
        replace(WHOLE, complete=False),
        replace(WHOLE, outcomes={}),
        replace(WHOLE, outcomes={"a": "skipped"}),
        replace(WHOLE, outcomes={"a": "passed", "b": "failed"}),
    ],
    ids=["some of the tests", "smoke", "ended early", "nothing ran", "all skipped", "one failed"],
)
def test_what_did_not_pass(evidence: Evidence, tmp_path: Path) -> None:
    path = write_evidence(evidence, tmp_path)
    assert path
    assert json.loads(path.read_text())["passed"] is False


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (WHOLE, PART, "before"),
        (WHOLE, replace(WHOLE, outcomes={"a": "failed"}), "after"),
        (PART, replace(PART, rounds=2), "after"),
        (PART, WHOLE, "after"),
    ],
    ids=["part of whole", "whole of whole", "part of part", "whole of part"],
)
def test_what_replaces_what(before: Evidence, after: Evidence, kept: str, tmp_path: Path) -> None:
    write_evidence(before, tmp_path)
    written = write_evidence(after, tmp_path)
    assert (written is None) == (kept == "before")
    assert read_evidence("d" * 64, tmp_path) == {"before": before, "after": after}[kept].as_json()


def test_a_damaged_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / f"{'d' * 64}.json").write_text('{"selection": ')
    assert read_evidence("d" * 64, tmp_path) is None
    assert write_evidence(PART, tmp_path)


KEY = "k" * 32


def test_signed_evidence_notices_every_edit(tmp_path: Path) -> None:
    path = write_evidence(WHOLE, tmp_path, KEY)
    assert path
    content = json.loads(path.read_text())
    assert is_signed(content, KEY)
    assert not is_signed(content, "l" * 32)
    assert not is_signed({name: value for name, value in content.items() if name != "signature"}, KEY)
    for name in content:
        assert not is_signed(content | {name: "edited"}, KEY), name
    assert is_signed(dict(reversed(content.items())), KEY), "the order of names is no edit"


def test_without_a_key_it_is_not_signed(tmp_path: Path) -> None:
    path = write_evidence(WHOLE, tmp_path)
    assert path
    assert "signature" not in json.loads(path.read_text())
