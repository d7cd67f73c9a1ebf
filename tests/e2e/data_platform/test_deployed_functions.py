"""The functions that are deployed: which version runs, what calls them and what becomes of what they give up.

These tests only look, but they look at what other tests disturb.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.data_platform.resources import Resources, wrong

if TYPE_CHECKING:
    from tests.e2e.data_platform.platform import Platform

pytestmark = pytest.mark.smoke


def newest_version(platform: Platform, function: str) -> dict[str, Any]:
    """The configuration of the version that was published last."""
    pages = platform.functions.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    published = [each for page in pages for each in page["Versions"] if each["Version"] != "$LATEST"]
    return max(published, key=lambda each: int(each["Version"]))


def test_functions_run_a_published_version_behind_live(platform: Platform, resources: Resources) -> None:
    # Not always the newest: after a deployment to an account, these tests come before events reach that.
    assert resources.functions
    for name in resources.functions:
        version = platform.functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
        assert re.fullmatch(r"[1-9][0-9]*", version), name
        live = platform.functions.get_function_configuration(FunctionName=name, Qualifier=version)
        assert (live["State"], live["LastUpdateStatus"]) == ("Active", "Successful"), name


def test_the_newest_version_of_every_function_is_what_was_deployed_last(
    platform: Platform, resources: Resources
) -> None:
    newest = {short: newest_version(platform, name) for short, name in platform.outputs["function_names"].items()}
    assert platform.outputs["function_versions"] == {short: each["Version"] for short, each in newest.items()}
    for version in newest.values():
        latest = resources.functions[version["FunctionName"]]
        for part in ("CodeSha256", "Environment", "Timeout", "MemorySize", "Layers", "Role"):
            assert version.get(part) == latest.get(part), f"{version['FunctionName']}: {part} is not the latest"


def test_the_newest_version_of_every_function_takes_an_empty_batch(platform: Platform, resources: Resources) -> None:
    answers = {}
    for name in resources.functions:
        version = {"FunctionName": name, "Qualifier": newest_version(platform, name)["Version"]}
        platform.functions.get_waiter("published_version_active").wait(**version, WaiterConfig={"Delay": 0.2})
        answer = platform.functions.invoke(**version, Payload=json.dumps({"Records": []}).encode())
        answers[name] = (answer.get("FunctionError"), json.loads(answer["Payload"].read()))
    assert wrong(answers, (None, {"batchItemFailures": []})) == {}


def test_functions_are_on_a_current_runtime_and_log_to_their_group(resources: Resources) -> None:
    assert wrong({name: each["Runtime"] for name, each in resources.functions.items()}, "python3.13") == {}
    groups = {
        name: each["LoggingConfig"]["LogGroup"] == f"/aws/lambda/{name}" for name, each in resources.functions.items()
    }
    assert wrong(groups, True) == {}
    levels = {
        name: each["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] for name, each in resources.functions.items()
    }
    assert wrong(levels, resources.declared["log_level"]) == {}
    tracing = "Active" if resources.declared.get("tracing") == "true" else "PassThrough"
    assert wrong({name: each["TracingConfig"]["Mode"] for name, each in resources.functions.items()}, tracing) == {}


def test_nobody_can_call_a_function_from_outside(platform: Platform, resources: Resources) -> None:
    assert resources.functions
    for name in resources.functions:
        for qualifier in ({}, {"Qualifier": "live"}):
            with pytest.raises(platform.functions.exceptions.ResourceNotFoundException):
                platform.functions.get_policy(FunctionName=name, **qualifier)
        assert platform.functions.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"] == []


def test_every_function_has_one_source_that_calls_live_and_takes_partial_failures(resources: Resources) -> None:
    assert sorted(source["FunctionArn"].split(":", 6)[6] for source in resources.event_sources) == sorted(
        f"{name}:live" for name in resources.functions
    )
    found = {
        source["EventSourceArn"]: (source["State"], source["FunctionResponseTypes"])
        for source in resources.event_sources
    }
    assert wrong(found, ("Enabled", ["ReportBatchItemFailures"])) == {}


def test_what_a_stream_gives_up_is_reported(platform: Platform, resources: Resources) -> None:
    dead_letters = platform.outputs["dead_letter_queue_urls"]
    short = {name: key for key, name in platform.outputs["function_names"].items()}
    expected = {
        # Batches of sales events are never cut: an object's name tells which records it holds.
        "capture_sales": (dead_letters["sales_events"], False, "capture_sales_maximum_retry_attempts"),
        "project_orders": (dead_letters["orders_stream"], True, "table_streams_maximum_retry_attempts"),
        "restock": (dead_letters["inventory_stream"], True, "table_streams_maximum_retry_attempts"),
    }
    followers = [source for source in resources.event_sources if ":sqs:" not in source["EventSourceArn"]]
    assert {short[source["FunctionArn"].split(":")[6]] for source in followers} == set(expected)
    for source in followers:
        url, bisects, attempts = expected[short[source["FunctionArn"].split(":")[6]]]
        assert source["DestinationConfig"]["OnFailure"]["Destination"] == resources.queues[url]["QueueArn"]
        assert source["BisectBatchOnFunctionError"] is bisects
        assert source["MaximumRetryAttempts"] == int(resources.declared[attempts])
        assert source["StartingPosition"] == "TRIM_HORIZON"
