"""A real file: every order and every line of it is in the platform once, whatever is repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .online_retail import revenue_of_file, revenue_of_report, totals_of_events, totals_of_file, totals_of_orders
from .own_platform import OwnPlatform


@pytest.mark.waits
def test_every_row_once(platform: OwnPlatform, dataset: Path) -> None:
    first = platform.start("infra-up", "--dataset", str(dataset))
    platform.emulator()
    # Two at once: the second waits for the first, says so, and finds everything done.
    second = platform.start("infra-up", "--dataset", str(dataset))
    assert first.finish() == 0, first.output
    assert second.finish() == 0, second.output
    assert "waiting for `invoke infra-up`" in second.output
    assert "0 added, 0 changed, 0 destroyed" in second.output

    # At once: what is still on its way from the stream to the curated data, the report waits for.
    report = platform.report()
    assert report["complete"] is True
    assert revenue_of_report(report) == revenue_of_file(dataset)

    status = platform.wait_until_drained()
    expected = totals_of_file(dataset)
    assert totals_of_orders(platform.stored_orders()) == expected
    assert totals_of_events(platform.captured_events()) == expected
    assert platform.waiting(status) == {}

    # Seeding again changes nothing, not even when the mark that it is done is gone.
    assert "was seeded before" in platform.run("seed", "--dataset", str(dataset))
    s3 = platform.client("s3")
    bucket = status["outputs"]["bucket_names"]["raw"]
    marks = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="datasets/")["Contents"]]
    s3.delete_object(Bucket=bucket, Key=next(key for key in marks if key.endswith("seeded.json")))
    platform.run("seed", "--dataset", str(dataset))
    platform.wait_until_drained()
    assert totals_of_orders(platform.stored_orders()) == expected
    assert totals_of_events(platform.captured_events()) == expected
    assert revenue_of_report(platform.report()) == revenue_of_file(dataset)

    # What is missing is repaired, and nothing else is changed.
    platform.client("sqs").delete_queue(QueueUrl=status["outputs"]["dead_letter_queue_urls"]["sales_events"])
    platform.client("lambda").delete_function(FunctionName=status["outputs"]["function_names"]["process_orders"])
    repaired = platform.run("infra-up", "--dataset", str(dataset))
    assert "0 destroyed" in repaired
    assert json.dumps(status["resources"]["data_platform"][0]) in json.dumps(platform.status())
    assert totals_of_orders(platform.stored_orders()) == expected
