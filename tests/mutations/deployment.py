"""Putting another version of a function behind its alias `live`, and the old one back."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stockroom.errors import StockroomError
from stockroom.releases.bundles import bundle_files
from stockroom.releases.code import all_below
from stockroom.releases.zips import write_zip
from stockroom.testing.own_platform import undisturbed

ALIAS = "live"


def bundle(source: Path, packages: Path | None) -> bytes:
    """The zip of the function in the folder `source`, over what it shares with its stack and over the packages."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "bundle.zip"
        write_zip(target, bundle_files(all_below(source.parent), source.name, packages))
        return target.read_bytes()


def check_is_deployed(client: Any, function: str, original: bytes) -> None:
    """Raises StockroomError when the platform runs other code than these sources give."""
    # By its version: LocalStack finds no configuration under an alias.
    version = client.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
    deployed = client.get_function_configuration(FunctionName=function, Qualifier=version)["CodeSha256"]
    if deployed != base64.b64encode(hashlib.sha256(original).digest()).decode():
        raise StockroomError(
            f"{function} is deployed from other sources than these",
            "deploy these first: `invoke infra-up`",
        )


@contextlib.contextmanager
def replaced(client: Any, function: str, original: bytes, other: bytes) -> Iterator[None]:
    """The function with the code `other`, for its sources and for whoever calls it; afterwards the original again.

    Raises StockroomError when that code can't even take in an empty batch.
    """
    alias = {"FunctionName": function, "Name": ALIAS}
    version = client.get_alias(**alias)["FunctionVersion"]
    published: str | None = None
    try:
        _update(client, function, other)
        published = client.publish_version(FunctionName=function)["Version"]
        client.get_waiter("function_active_v2").wait(FunctionName=function, Qualifier=published)
        client.update_alias(**alias, FunctionVersion=published)
        _check_runs(client, function)
        yield
    finally:
        with undisturbed():
            client.update_alias(**alias, FunctionVersion=version)
            _update(client, function, original)
            if published not in {None, version}:
                client.delete_function(FunctionName=function, Qualifier=published)


def _update(client: Any, function: str, code: bytes) -> None:
    client.update_function_code(FunctionName=function, ZipFile=code)
    client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
    )


def _check_runs(client: Any, function: str) -> None:
    answer = client.invoke(FunctionName=function, Qualifier=ALIAS, Payload=json.dumps({"Records": []}).encode())
    payload = json.loads(answer["Payload"].read())
    if "FunctionError" in answer or payload != {"batchItemFailures": []}:
        raise StockroomError(
            f"{function} with its mutation does not even take in an empty batch, so any test would fail: {payload}",
            "mutate what it does, not whether it runs",
        )
