import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stockroom.errors import StockroomError
from tests.mutations.deployment import bundle, check_is_deployed, replaced

GOOD, OTHER, DEAD = b"good", b"other", b"dead"


class FakeLambda:
    """One function, as far as the API is used: code by version, and the version behind the alias."""

    def __init__(self) -> None:
        self.code: dict[str, bytes] = {"$LATEST": GOOD, "7": GOOD}
        self.live = "7"

    def get_alias(self, **_: str) -> dict[str, str]:
        return {"FunctionVersion": self.live}

    def update_alias(self, FunctionVersion: str, **_: str) -> None:  # noqa: N803 - the API's name
        assert FunctionVersion in self.code
        self.live = FunctionVersion

    def update_function_code(self, ZipFile: bytes, **_: str) -> None:  # noqa: N803
        self.code["$LATEST"] = ZipFile

    def publish_version(self, **_: str) -> dict[str, str]:
        self.code["8"] = self.code["$LATEST"]
        return {"Version": "8"}

    def delete_function(self, Qualifier: str, **_: str) -> None:  # noqa: N803
        assert Qualifier != self.live
        del self.code[Qualifier]

    def get_function_configuration(self, Qualifier: str, **_: str) -> dict[str, str]:  # noqa: N803
        return {"CodeSha256": base64.b64encode(hashlib.sha256(self.code[Qualifier]).digest()).decode()}

    def get_waiter(self, _: str) -> Any:
        return self

    def wait(self, **_: Any) -> None: ...

    def invoke(self, **_: Any) -> dict[str, Any]:
        answer: dict[str, Any] = (
            {"batchItemFailures": []} if self.code[self.live] != DEAD else {"errorType": "ImportError"}
        )
        return {"Payload": io.BytesIO(json.dumps(answer).encode())}


def test_other_code_is_called_and_then_the_old_again() -> None:
    client = FakeLambda()
    with replaced(client, "sell", GOOD, OTHER):
        assert client.code[client.live] == client.code["$LATEST"] == OTHER
    assert (client.live, client.code) == ("7", {"$LATEST": GOOD, "7": GOOD})


def interrupted(client: FakeLambda) -> None:
    with replaced(client, "sell", GOOD, OTHER):
        raise KeyboardInterrupt


def unable_to_run(client: FakeLambda) -> None:
    with replaced(client, "sell", GOOD, DEAD):
        pytest.fail("tests must not run on it")


@pytest.mark.parametrize(("end", "error"), [(interrupted, KeyboardInterrupt), (unable_to_run, StockroomError)])
def test_the_old_code_is_put_back_however_it_ends(
    end: Callable[[FakeLambda], None], error: type[BaseException]
) -> None:
    client = FakeLambda()
    with pytest.raises(error):
        end(client)
    assert (client.live, client.code) == ("7", {"$LATEST": GOOD, "7": GOOD})


def test_a_platform_of_other_sources_is_refused() -> None:
    check_is_deployed(FakeLambda(), "sell", GOOD)
    with pytest.raises(StockroomError, match="sell is deployed from other sources"):
        check_is_deployed(FakeLambda(), "sell", OTHER)


def test_a_bundle_holds_the_function_what_it_shares_and_the_packages(tmp_path: Path) -> None:
    for name in ("stack/sell/sell.py", "stack/shared.py", "stack/other/other.py", "packages/library.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    zipped = bundle(tmp_path / "stack" / "sell", tmp_path / "packages")
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        assert sorted(archive.namelist()) == ["library.py", "sell.py", "shared.py"]
