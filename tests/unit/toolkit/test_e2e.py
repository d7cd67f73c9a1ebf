import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stockroom.console import Steps
from stockroom.environments import read_environment
from stockroom.errors import StockroomError
from stockroom.releases.evidence import Selection
from stockroom.releases.outcomes import Outcomes
from stockroom.testing import e2e

DEV = read_environment("dev")


def request(**changes: Any) -> e2e.Request:
    words = {"env": "local", "only": "", "smoke": False, "workers": "auto", "repeat": "1", "keep": False, "yes": False}
    given: dict[str, Any] = words | changes
    return e2e.make_request(**given)


def test_requests() -> None:
    assert request() == e2e.Request()
    assert request(workers="3", repeat="20", keep=True, only="orders") == e2e.Request(
        selection=Selection(only="orders"), workers=3, rounds=20, keep=True
    )
    assert request(env="dev", smoke=True, yes=True) == e2e.Request("dev", Selection(smoke=True), confirmed=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"env": "nowhere"}, "no environment 'nowhere'"),
        ({"workers": "many"}, "--workers many"),
        ({"workers": "0"}, "--workers 0"),
        ({"repeat": "0"}, "--repeat 0"),
        ({"repeat": "auto"}, "--repeat auto"),
        ({"repeat": "-1"}, "--repeat -1"),
        ({"env": "dev", "keep": True}, "--keep is about"),
    ],
)
def test_requests_that_make_no_sense(words: dict[str, Any], message: str) -> None:
    with pytest.raises(StockroomError, match=message):
        request(**words)


class FakeSession:
    """A session whose account is `account`."""

    def __init__(self, account: str) -> None:
        self._account = account

    def client(self, service: str) -> Any:
        assert service == "sts"
        return self

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": self._account}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def answer(account: str) -> None:
        monkeypatch.setattr(e2e, "new_session", lambda *_, **__: FakeSession(account))

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    return answer


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_an_emulator_may_play_the_account(
    account: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    account(DEV.account_id)
    assert isinstance(e2e.account_session(DEV), FakeSession)
    account("000000000000")
    with pytest.raises(StockroomError, match=r"of account 000000000000 at http.* 'dev' is account 111111111111"):
        e2e.account_session(DEV)


@pytest.mark.parametrize("endpoint", ["http://192.168.0.7:4566", "https://127.0.0.1.example.com", "https://x.invalid"])
def test_no_other_endpoint_may(account: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    account(DEV.account_id)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StockroomError, match="AWS_ENDPOINT_URL is set"):
        e2e.account_session(DEV)


def test_a_whole_suite_needs_a_confirmation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(StockroomError, match="nobody is there to confirm"):
        e2e.confirm(DEV)
    assert "writes test records" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "")
    with pytest.raises(StockroomError, match="not confirmed"):
        e2e.confirm(DEV)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    e2e.confirm(DEV)


def one_round(tmp_path: Path, number: int, code: int, failed: list[str]) -> e2e.Round:
    outcomes = Outcomes(2, {"tests/e2e/x.py::test_a[1]": "passed"} | dict.fromkeys(failed, "failed"))
    files = [tmp_path / f"{name}-{number}" for name in ("report", "junit", "log")]
    return e2e.Round(number, code, outcomes, 1.0, *files)


def test_the_result_of_several_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rounds = [one_round(tmp_path, 1, 0, []), one_round(tmp_path, 2, 1, ["tests/e2e/x.py::test_b[x]"])]
    e2e.print_result(e2e.Result("local", "d (commit c)", rounds[:1], tmp_path, tmp_path / "evidence.json"))
    out = capsys.readouterr().out
    assert "End to end: passed" in out
    assert f"report     {tmp_path}/report-1" in out
    assert f"evidence   {tmp_path}/evidence.json" in out
    with pytest.raises(StockroomError) as error:
        e2e.print_result(e2e.Result("local", "d (commit c)", rounds, tmp_path))
    assert "invoke e2e --only test_b --keep" in str(error.value.hint)
    out = capsys.readouterr().out
    assert "round 2  1 of 2 passed, 1 failed in 1 s: tests/e2e/x.py::test_b[x]" in out
    assert f"report     {tmp_path}/report-2" in out


def test_progress_in_pieces() -> None:
    said: list[str] = []
    outcomes = Outcomes()
    progress = e2e.Progress(outcomes, Steps(quiet=True), said.append)
    for piece in ["", '{"collec', 'ted": 2}\n{"id": "a", "outcome": "passed"}\n{"id"', ': "b", "outcome": "failed"}\n']:
        progress.read(piece)
    assert said == ["collecting", "collecting", "1 of 2 passed", "1 of 2 passed, 1 failed"]
