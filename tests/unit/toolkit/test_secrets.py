import io
import sys
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from stockroom.deployed.secrets import Change, Secret, change_value, fill_empty, make_change, read_secrets, read_value
from stockroom.errors import StockroomError

ARNS = {"customer_pseudonyms": "arn:of:pseudonyms", "api_key": "arn:of:api-key"}


class Manager:
    """A session and Secrets Manager in one: values by ARN, and all versions by their tokens."""

    def __init__(self, **values: str) -> None:
        self.values = {ARNS[name]: value for name, value in values.items()}
        self.tokens: dict[str, str] = {}
        self.written: list[str] = []

    def client(self, service: str) -> "Manager":
        assert service == "secretsmanager"
        return self

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803 - the names of the API
        if SecretId not in self.values:
            return {"ARN": SecretId}
        return {"ARN": SecretId, "VersionIdsToStages": {"old": ["AWSPREVIOUS"], "new": ["AWSCURRENT"]}}

    def put_secret_value(self, SecretId: str, SecretString: str, ClientRequestToken: str = "") -> None:  # noqa: N803
        if ClientRequestToken and self.tokens.setdefault(ClientRequestToken, SecretString) != SecretString:
            raise ClientError({"Error": {"Code": "ResourceExistsException", "Message": ""}}, "PutSecretValue")
        self.values[SecretId] = SecretString
        self.written.append(SecretId)


def _session(manager: Manager) -> boto3.Session:
    return cast(boto3.Session, manager)


def test_a_secret_has_a_value_when_one_is_current() -> None:
    session = _session(Manager(api_key="x"))
    assert read_secrets(session, ARNS) == [
        Secret("api_key", "arn:of:api-key", True),
        Secret("customer_pseudonyms", "arn:of:pseudonyms", False),
    ]


def test_only_empty_secrets_are_filled_and_each_with_another_value() -> None:
    manager = Manager()
    assert fill_empty(_session(manager), ARNS) == ["api_key", "customer_pseudonyms"]
    first = dict(manager.values)
    assert len(set(first.values())) == 2
    assert all(len(value) == 64 for value in first.values())
    assert fill_empty(_session(manager), ARNS) == []
    assert manager.values == first
    assert fill_empty(_session(manager), {}) == []


def test_of_two_who_fill_a_secret_at_once_the_first_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = Manager()
    monkeypatch.setattr(manager, "describe_secret", lambda SecretId: {"ARN": SecretId})  # noqa: N803
    assert fill_empty(_session(manager), ARNS) == ["api_key", "customer_pseudonyms"]
    first = dict(manager.values)
    assert fill_empty(_session(manager), ARNS) == []
    assert manager.values == first


@pytest.mark.parametrize("name", ["customer_pseudonyms", "customer-pseudonyms"])
def test_a_value_is_generated_for_an_empty_secret_alone(name: str) -> None:
    manager = Manager(api_key="x")
    words = change_value(_session(manager), {"lake": {"secret_arns": ARNS}}, Change(name, None))
    assert words == "the secret customer_pseudonyms has a random value"
    assert manager.values[ARNS["customer_pseudonyms"]] not in words
    with pytest.raises(StockroomError, match="the secret 'api_key' has a value already"):
        change_value(_session(manager), {"lake": {"secret_arns": ARNS}}, Change("api_key", None))
    assert manager.written == ["arn:of:pseudonyms"]


def test_a_given_value_is_put_over_any_other() -> None:
    manager = Manager(api_key="x")
    for name in ARNS:
        assert "given value" not in change_value(
            _session(manager), {"lake": {"secret_arns": ARNS}}, Change(name, "given value")
        )
    assert set(manager.values.values()) == {"given value"}


def test_an_unknown_secret() -> None:
    with pytest.raises(StockroomError, match="there is no secret 'nobody'") as error:
        change_value(_session(Manager()), {"lake": {"secret_arns": ARNS}}, Change("nobody", "x"))
    assert error.value.hint == "secrets are: api_key, customer_pseudonyms"


def test_what_the_command_line_asks_for(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("s3cret\n")
    assert make_change("", "", "") is None
    assert make_change("one", "", "") == Change("one", None)
    change = make_change("", "one", str(file))
    assert change == Change("one", "s3cret")
    assert "s3cret" not in repr(change)
    for words in [("one", "two", str(file)), ("", "one", ""), ("", "", str(file)), ("one", "", str(file))]:
        with pytest.raises(StockroomError, match="give --generate NAME, or"):
            make_change(*words)


@pytest.mark.parametrize(
    ("content", "value"), [(b"x", "x"), (b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x\n"), (b" \xc3\xa9 y ", " é y ")]
)
def test_a_value_is_read_as_it_is_but_for_one_line_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, value: str
) -> None:
    (tmp_path / "value").write_bytes(content)
    assert read_value(str(tmp_path / "value")) == value
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert read_value("-") == value


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe", "is not UTF-8 text"), (b"x" * 65_537, "is larger than")],
)
def test_what_is_no_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str) -> None:
    file = tmp_path / "value"
    file.write_bytes(content)
    with pytest.raises(StockroomError, match=words) as error:
        read_value(str(file))
    assert str(file) in error.value.message
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    with pytest.raises(StockroomError, match=f"standard input {words}"):
        read_value("-")
