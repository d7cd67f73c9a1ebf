"""What is deployed is ready to work. These tests only look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.platform import Platform

pytestmark = pytest.mark.smoke


def attributes(platform: Platform, url: str) -> dict[str, str]:
    return dict(platform.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def test_tables_and_streams_are_active(platform: Platform) -> None:
    states = {name: platform.table(name).table_status for name in platform.outputs["table_names"]}
    for name, stream in platform.outputs["stream_names"].items():
        summary = platform.kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        states[name] = summary["StreamStatus"]
    assert {name: state for name, state in states.items() if state != "ACTIVE"} == {}


def test_buckets_are_private_and_encrypted(platform: Platform) -> None:
    for bucket in platform.outputs["bucket_names"].values():
        block = platform.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(block.values()), f"{bucket} {block}"
        assert platform.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]


def test_queues_give_up_to_their_dead_letter_queues(platform: Platform) -> None:
    dead_letters = platform.outputs["dead_letter_queue_urls"]
    for name, url in platform.outputs["queue_urls"].items():
        policy = json.loads(attributes(platform, url)["RedrivePolicy"])
        assert policy["deadLetterTargetArn"] == attributes(platform, dead_letters[name])["QueueArn"], name


def test_functions_are_active_and_their_sources_enabled(platform: Platform) -> None:
    pages = platform.functions.get_paginator("list_event_source_mappings").paginate()
    sources: dict[str, list[dict[str, Any]]] = {}
    for source in (source for page in pages for source in page["EventSourceMappings"]):
        sources.setdefault(source["FunctionArn"].split(":")[6], []).append(source)
    for function in platform.outputs["function_names"].values():
        configuration = platform.functions.get_function_configuration(FunctionName=function)
        assert configuration["State"] == "Active", f"{function} {configuration['State']}"
        assert {source["State"] for source in sources.get(function, [])} == {"Enabled"}, function
