"""Whatever lies in a bucket: it is what it should be, or it is refused in one line, and leads nowhere."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from stockroom.deployed.terraform_state import parse_state, read_deployed
from stockroom.environments import read_environment
from stockroom.errors import StockroomError
from stockroom.promotion.ledger import PREFIX, append, fold, read_events
from stockroom.promotion.promotion_lock import KEY, read_lock
from stockroom.releases.evidence import parse_evidence
from stockroom.stored import LARGEST_BYTES

ARTIFACTS = {"lake": {"bundles": {"greet": "ab" * 32}, "layers": {}}}
DIGEST, COMMIT, ID = "ab" * 32, "c" * 40, "20261201-100000-abcdef"
STARTED: dict[str, Any] = {
    "format": 2, "number": 1, "promotion": ID, "at": "2026-12-01T10:00:00Z", "event": "started", "kind": "promotion",
    "release": {"digest": DIGEST, "commit": COMMIT, "dirty": False}, "who": "arn:aws:iam::1:role/x (ann@here)",
    "artifacts": ARTIFACTS, "waivers": {"accept_drift": False},
}  # fmt: skip
OLD = STARTED | {"format": 1, "artifacts": {"bundles": {"greet": DIGEST}, "layers": {}}}
APPLYING = {"format": 1, "number": 2, "promotion": ID, "at": "t", "event": "applying", "plan_digest": DIGEST}
FINISHED: dict[str, Any] = {
    "format": 1, "number": 3, "promotion": ID, "at": "t", "event": "finished", "result": "succeeded", "step": None,
    "error": None, "stacks": {"shop": "1 added"}, "duration_seconds": 1.5,
}  # fmt: skip
LOCK: dict[str, Any] = {
    "promotion": ID, "command": "invoke promote --env dev", "who": "ann@here", "machine": "elsewhere/00", "pid": 4711,
    "process_started": 1.0, "since": "2026-12-01T10:00:00Z",
}  # fmt: skip


class Bucket:
    """An S3 that holds a few objects, as a client of it."""

    def __init__(self, objects: Mapping[str, bytes | Mapping[str, Any]]) -> None:
        self.objects = {
            key: content if isinstance(content, bytes) else json.dumps(content).encode()
            for key, content in objects.items()
        }

    def client(self, _: str) -> Bucket:
        return self

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - the names of the API
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": "e"}

    def put_object(self, Bucket: str, Key: str, Body: bytes, **_: str) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_paginator(self, _: str) -> Bucket:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key} for key in self.objects if key.startswith(PREFIX)]}]


def ledger(**objects: bytes | Mapping[str, Any]) -> Any:
    return Bucket({f"{PREFIX}{name.removeprefix('n')}.json": content for name, content in objects.items()})


def test_a_ledger_as_it_is_written() -> None:
    events = read_events(ledger(n00000001=STARTED, n00000002=APPLYING, n00000003=FINISHED), "b")
    (one,) = fold(events)
    assert (one.id, one.digest, one.commit, one.result) == (ID, DIGEST, COMMIT, "succeeded")
    assert one.artifacts == ARTIFACTS


def test_events_of_earlier_versions_without_a_number_are_read() -> None:
    old = {name: value for name, value in OLD.items() if name not in ("number", "waivers")}
    assert fold(read_events(ledger(n00000007=old), "b"))[0].commit == COMMIT


def test_artifacts_that_were_not_kept_by_stack_are_not_guessed() -> None:
    (one,) = fold(read_events(ledger(n00000001=OLD), "b"))
    assert (one.digest, one.commit, one.artifacts) == (DIGEST, COMMIT, None)


WRONG_EVENTS: dict[str, bytes | dict[str, Any]] = {
    "an option of git": STARTED | {"release": {"digest": DIGEST, "commit": "--output=/etc/passwd"}},
    "a branch": STARTED | {"release": {"digest": DIGEST, "commit": "main"}},
    "a commit with a line end": STARTED | {"release": {"digest": DIGEST, "commit": f"{COMMIT}\n"}},
    "a short commit": STARTED | {"release": {"digest": DIGEST, "commit": "cccccccccccc"}},
    "no commit": STARTED | {"release": {"digest": DIGEST, "commit": None}},
    "a path for a digest": STARTED | {"release": {"digest": "../../../etc/passwd", "commit": COMMIT}},
    "a digest in capitals": STARTED | {"release": {"digest": DIGEST.upper(), "commit": COMMIT}},
    "a path for a promotion": STARTED | {"promotion": "../../.."},
    "an absolute path for a promotion": STARTED | {"promotion": "/etc"},
    "a number for a promotion": STARTED | {"promotion": 7},
    "a path for a function": STARTED | {"artifacts": {"lake": {"bundles": {"../x": DIGEST}, "layers": {}}}},
    "a path for an artifact's stack": STARTED | {"artifacts": {"../x": {"bundles": {"greet": DIGEST}}}},
    "an option for a function": STARTED | {"artifacts": {"lake": {"bundles": {"--x": DIGEST}, "layers": {}}}},
    "a key for a hash": STARTED | {"artifacts": {"lake": {"bundles": {"greet": "x/y.zip"}, "layers": {}}}},
    "another kind of artifact": STARTED | {"artifacts": {"lake": {"programs": {"greet": DIGEST}}}},
    "artifacts of no stack": STARTED | {"artifacts": OLD["artifacts"]},
    "a path for a function, in an old one": OLD | {"artifacts": {"bundles": {"../x": DIGEST}, "layers": {}}},
    "another kind of artifact, in an old one": OLD | {"artifacts": {"programs": {"greet": DIGEST}}},
    "a list of artifacts": STARTED | {"artifacts": []},
    "another kind": STARTED | {"kind": "revolution"},
    "another event": STARTED | {"event": "stopped"},
    "another result": FINISHED | {"result": "fine"},
    "a path for a stack": FINISHED | {"stacks": {"../x": "1 added"}},
    "another plan": APPLYING | {"plan_digest": "-"},
    "another number": STARTED | {"number": 2},
    "another format": STARTED | {"format": 3},
    "no object": b"[]",
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "not a number": json.dumps(FINISHED | {"duration_seconds": "long"}).encode(),
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("event", WRONG_EVENTS.values(), ids=WRONG_EVENTS)
def test_an_event_that_is_none_is_refused(event: bytes | dict[str, Any]) -> None:
    with pytest.raises(StockroomError, match="is no event of a ledger that this version knows"):
        read_events(ledger(n00000001=event), "b")


@pytest.mark.parametrize("name", ["1", "zzz", "00000001.bak", "0000000\uff11", "-0000001", "../00000001"])
def test_a_name_that_is_no_number_is_refused_and_no_event_is_lost(name: str) -> None:
    bucket = ledger(**{"n00000001": STARTED, f"n{name}": STARTED})
    with pytest.raises(StockroomError, match="is no event of a ledger"):
        read_events(bucket, "b")
    assert append(bucket, "b", {"event": "applying"}) == 2


def test_words_can_not_steer_a_terminal() -> None:
    words = "\x1b]0;evil\x07\x1b[2J\u202egnp"
    (one,) = fold(read_events(ledger(n00000001=STARTED | {"who": words}), "b"))
    assert one.who == "\ufffd]0;evil\ufffd\ufffd[2J\ufffdgnp"
    held = read_lock(cast(Any, Bucket({KEY: LOCK | {"command": words}})), "b")
    assert held
    assert "\x1b" not in str(held.holder)


WRONG_LOCKS: dict[str, bytes | dict[str, Any]] = {
    "a path for a promotion": LOCK | {"promotion": "../../x"},
    "a negative process": LOCK | {"pid": -1},
    "a process that is too large": LOCK | {"pid": 2**40},
    "a process that is none": LOCK | {"pid": "all"},
    "a start that never was": json.dumps(LOCK | {"process_started": float("nan")}).encode(),
    "a list for a command": LOCK | {"command": ["rm"]},
    "no machine": {name: value for name, value in LOCK.items() if name != "machine"},
    "no object": b"7",
    "nothing": b"",
}


@pytest.mark.parametrize("lock", WRONG_LOCKS.values(), ids=WRONG_LOCKS)
def test_a_lock_that_is_none_is_refused(lock: bytes | dict[str, Any]) -> None:
    with pytest.raises(StockroomError, match="is no lock that this version knows"):
        read_lock(cast(Any, Bucket({KEY: lock})), "b")


STATE: dict[str, Any] = {
    "version": 4,
    "resources": [{"mode": "managed", "type": "t", "name": "n", "instances": [{"attributes": {"id": "i"}}]}],
    "outputs": {"function_names": {"value": {"greet": "shop-greet"}}, "function_versions": {"value": {"greet": "7"}}},
}


def with_output(name: str, value: Any) -> dict[str, Any]:
    return STATE | {"outputs": {name: {"value": value}}}


WRONG_STATES: dict[str, bytes | dict[str, Any]] = {
    "another version": STATE | {"version": 3},
    "a list": b"[]",
    "nothing": b"",
    "resources that are none": STATE | {"resources": {"a": 1}},
    "an instance without attributes": STATE | {"resources": [STATE["resources"][0] | {"instances": [{}]}]},
    "names that are none": with_output("function_names", ["greet"]),
    "a name with a path": with_output("function_names", {"../x": "shop-greet"}),
    "a function with a line end": with_output("function_names", {"greet": "shop-greet\n"}),
    "a version that is an option": with_output("function_versions", {"greet": "--version"}),
    "a secret that is no ARN": with_output("secret_arns", {"pseudonyms": "/etc/passwd"}),
}


@pytest.mark.parametrize("state", WRONG_STATES.values(), ids=WRONG_STATES)
def test_a_state_that_is_none_is_refused(state: bytes | dict[str, Any]) -> None:
    assert parse_state(json.dumps(STATE).encode())[0]
    with pytest.raises(StockroomError, match=r"of the state is not what it should be|is no Terraform state"):
        parse_state(state if isinstance(state, bytes) else json.dumps(state).encode())


@pytest.mark.parametrize(
    "record", [b"[]", b"{}", b"", {"digest": 7, "commit": None, "dirty": False, "deployed_at": "t"}]
)
def test_a_record_of_a_release_that_is_none_is_refused(record: bytes | dict[str, Any]) -> None:
    environment = read_environment("dev")
    bucket = Bucket({environment.state_key("shop"): STATE, "shop/release.json": record})
    with pytest.raises(StockroomError, match=r"shop/release\.json tells of no release"):
        read_deployed(environment, cast(Any, bucket), "shop")


def test_no_object_fills_the_memory() -> None:
    with pytest.raises(StockroomError, match="is larger than"):
        read_lock(cast(Any, Bucket({KEY: b" " * (LARGEST_BYTES + 1)})), "b")


EVIDENCE: dict[str, Any] = {
    "passed": True, "release": {"digest": DIGEST, "commit": COMMIT, "dirty": False}, "format": 2,
    "artifacts": ARTIFACTS, "engine": {"name": "localstack", "versions": {}}, "selection": {"whole": True},
    "complete": True, "tests": [{"id": "a", "outcome": "passed"}],
}  # fmt: skip
WRONG_EVIDENCE: dict[str, dict[str, Any]] = {
    "a word for true": {"passed": "false"},
    "a number for true": {"complete": 1},
    "a word for clean": {"release": {"digest": DIGEST, "dirty": "no"}},
    "a path for a digest": {"release": {"digest": "../x", "dirty": False}},
    "a word for an engine": {"engine": "localstack"},
    "tests that are none": {"tests": "all passed"},
    "another outcome": {"tests": [{"id": "a", "outcome": "fine"}]},
    "artifacts that are none": {"artifacts": ["greet"]},
    "a path for a bundle": {"artifacts": {"lake": {"bundles": {"../x": DIGEST}}}},
    "a path for a stack": {"artifacts": {"../x": {"bundles": {"greet": DIGEST}}}},
    "another kind of artifact": {"artifacts": {"lake": {"programs": {"greet": DIGEST}}}},
    "an older form": {"format": 1, "bundles": {"greet": DIGEST}, "layers": {}},
    "a selection that is none": {"selection": True},
}


@pytest.mark.parametrize("change", WRONG_EVIDENCE.values(), ids=WRONG_EVIDENCE)
def test_evidence_that_is_none_says_nothing(change: dict[str, Any]) -> None:
    assert parse_evidence(EVIDENCE)
    assert parse_evidence(EVIDENCE | change) is None
