"""What can befall a deployed function, for a while. All of it is undone at the end, also when a test fails in between.

It befalls every test's messages: use it `with alone():`.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.e2e.data_platform.platform import Platform

ALIAS = "live"


@contextmanager
def at_most(platform: Platform, calls: int, *functions: str) -> Generator[None]:
    """Each of the functions has no more calls at a time than these; with 0 every call is throttled."""
    client = platform.functions
    with ExitStack() as undo:
        for function in functions:
            name = platform.outputs["function_names"][function]
            before = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
            if before is None:
                undo.callback(client.delete_function_concurrency, FunctionName=name)
            else:
                undo.callback(client.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=before)
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=calls)
        yield


@contextmanager
def misconfigured(platform: Platform, variables: dict[str, dict[str, str]]) -> Generator[None]:
    """Functions (the keys) are called in versions that have these environment variables as well."""
    client = platform.functions
    names = {platform.outputs["function_names"][function]: wanted for function, wanted in variables.items()}
    good = {name: client.get_function_configuration(FunctionName=name)["Environment"]["Variables"] for name in names}
    live = {name: client.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"] for name in names}

    def configure(wanted: dict[str, dict[str, str]]) -> None:
        for name in names:
            client.update_function_configuration(FunctionName=name, Environment={"Variables": wanted[name]})
        for name in names:
            client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})

    with ExitStack() as undo:
        undo.callback(configure, good)
        configure({name: good[name] | wanted for name, wanted in names.items()})
        bad = {}
        for name in names:
            bad[name] = client.publish_version(FunctionName=name)["Version"]
            undo.callback(client.delete_function, FunctionName=name, Qualifier=bad[name])
        for name, version in bad.items():
            client.get_waiter("published_version_active").wait(
                FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 0.2}
            )
            undo.callback(client.update_alias, FunctionName=name, Name=ALIAS, FunctionVersion=live[name])
            client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        yield


@contextmanager
def sources_off(platform: Platform, *functions: str) -> Generator[None]:
    """The event sources of the functions are disabled; at the end they are enabled, and wait until they are."""
    client = platform.functions
    sources = [
        source["UUID"]
        for function in functions
        for source in client.list_event_source_mappings(
            FunctionName=f"{platform.outputs['function_names'][function]}:{ALIAS}"
        )["EventSourceMappings"]
    ]
    assert len(sources) == len(functions), sources
    with ExitStack() as undo:
        undo.callback(_wait_for_state, client, sources, "Enabled")
        for source in sources:
            undo.callback(_switch, client, source, True)
            _switch(client, source, False)
        _wait_for_state(client, sources, "Disabled")
        yield


def _switch(client: Any, source: str, on: bool) -> None:
    for _ in range(60):
        try:
            client.update_event_source_mapping(UUID=source, Enabled=on)
            return
        except client.exceptions.ResourceInUseException:  # an earlier change is under way
            time.sleep(1)
    raise TimeoutError(f"event source {source} is in use for a minute")


def _wait_for_state(client: Any, sources: list[str], state: str) -> None:
    for _ in range(120):
        states = {client.get_event_source_mapping(UUID=source)["State"] for source in sources}
        if states == {state}:
            return
        time.sleep(0.5)
    raise TimeoutError(f"event sources are {sorted(states)}, not {state}")
