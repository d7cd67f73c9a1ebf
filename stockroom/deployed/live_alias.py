"""The version of each function that events reach: the one behind its alias `live`.

Terraform publishes versions and leaves the alias where it is, so that a new one can be tested before events reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from stockroom.deployed.outputs import Key, Outputs, labels, published
from stockroom.errors import StockroomError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_lambda import LambdaClient

ALIAS = "live"


def shifts(live: Mapping[Key, str], newest: Mapping[Key, str]) -> dict[Key, tuple[str, str]]:
    """Function → its live and its newest version, where they differ; only functions that both name."""
    return {
        function: (live[function], version)
        for function, version in newest.items()
        if function in live and live[function] != version
    }


def shift(session: boto3.Session, outputs: Outputs, say: Callable[[str], None]) -> list[tuple[str, str, str]]:
    """Let events reach the newest version of every function; returns what was shifted, as (function, from, to).

    Of a function that the output `function_versions` of its stack does not name, nothing is changed. No function is
    shifted before all of the new versions can be called. `say` gets the words once, when something was shifted.
    Raises StockroomError for a version that does not become active.
    """
    newest = published(outputs, "function_versions")
    names = {function: name for function, name in published(outputs, "function_names").items() if function in newest}
    client = session.client("lambda")
    with ThreadPoolExecutor() as pool:
        live = pool.map(lambda name: client.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"], names.values())
        wanted = shifts(dict(zip(names, live, strict=True)), newest)
        targets = [(names[function], version) for function, (_, version) in wanted.items()]
        list(pool.map(lambda target: _wait_until_active(client, *target), targets))
        list(pool.map(lambda target: _point_at(client, *target), targets))
    called = labels(names)
    shifted = [(called[function], *versions) for function, versions in wanted.items()]
    if shifted:
        say(", ".join(f"{function} {old} → {new}" for function, old, new in shifted))
    return shifted


def _wait_until_active(client: LambdaClient, name: str, version: str) -> None:
    from botocore.exceptions import WaiterError

    try:
        client.get_waiter("published_version_active").wait(
            FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1}
        )
    except WaiterError as error:
        reason = error.last_response.get("StateReason") or error
        raise StockroomError(
            f"version {version} of {name} does not become active: {reason}",
            "events reach the versions before it; deploy again when the cause is mended",
        ) from None


def _point_at(client: LambdaClient, name: str, version: str) -> None:
    client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
