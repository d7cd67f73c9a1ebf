"""A real file: every order and every line of it is in the platform once, whatever is repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .online_retail import (
    HEADER,
    revenue_of_file,
    revenue_of_report,
    totals_of_events,
    totals_of_file,
    totals_of_orders,
)
from .own_platform import STACK, OwnPlatform


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
    bucket = status["outputs"][STACK]["bucket_names"]["raw"]
    marks = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket, Prefix="datasets/")["Contents"]]
    s3.delete_object(Bucket=bucket, Key=next(key for key in marks if key.endswith("seeded.json")))
    platform.run("seed", "--dataset", str(dataset))
    platform.wait_until_drained()
    assert totals_of_orders(platform.stored_orders()) == expected
    assert totals_of_events(platform.captured_events()) == expected
    assert revenue_of_report(platform.report()) == revenue_of_file(dataset)

    # What is missing is repaired, and nothing else is changed.
    platform.client("sqs").delete_queue(QueueUrl=status["outputs"][STACK]["dead_letter_queue_urls"]["sales_events"])
    platform.client("lambda").delete_function(FunctionName=status["outputs"][STACK]["function_names"]["process_orders"])
    repaired = platform.run("infra-up", "--dataset", str(dataset))
    assert "0 destroyed" in repaired
    assert json.dumps(status["resources"]["data_platform"][0]) in json.dumps(platform.status())
    assert totals_of_orders(platform.stored_orders()) == expected


JANUARY = [
    "760001,M1,JUG,2,1/5/11 8:26,1.50,90001,France",
    "760002,M2,CUP,3,1/6/11 8:26,2.00,NA,France",
]
FEBRUARY = [
    JANUARY[1],
    "760003,M1,JUG,5,2/5/11 8:26,1.1979124548825382,90001,France",
    "C760004,M1,JUG,-1,2/6/11 8:26,1.50,90002,日本",
]
NOT_TAKEN = [
    JANUARY[0].replace("1.50", "1.60"),
    "760005,M1,JUG,1,2/7/11 8:26,0.12345,90001,France",
    "760006,M1,JUG,1,2/7/11 8:26,1000000000,90001,France",
    '760007,M1,JUG,1,2/7/11 8:26,1.50,90001,"United\nKingdom"',
    '760008,"M\t1",JUG,1,2/7/11 8:26,1.50,90001,France',
    f"760009,M1,JUG,1,2/7/11 8:26,1.50,90001,{'K' * 129}",
    "A760010,B,Adjust bad debt,1,2/7/11 8:26,-1000,,France",
]


def test_a_second_file_adds_what_is_new_of_it(platform: OwnPlatform, tmp_path: Path) -> None:
    """Every order of both is met, an invoice that both have counts once, and nothing that was taken is refused."""
    january, again, february = (tmp_path / name for name in ("january.csv", "again.csv", "february.csv"))
    january.write_text("\n".join([",".join(HEADER), *JANUARY, ""]))
    again.write_text("\r\n".join([",".join(HEADER), *JANUARY[::-1], ""]))
    february.write_text("\n".join([",".join(HEADER), *FEBRUARY, *NOT_TAKEN, ""]))
    platform.run("infra-up", "--dataset", str(january))
    assert "in the platform already, from another file  2" in platform.run("seed", "--dataset", str(again))
    told = platform.run("seed", "--dataset", str(february))
    for reason in ("loaded before with other lines", "more than 4 decimals", "out of range", "longer than 128"):
        assert f"{reason}" in told

    report = platform.report()
    assert (report["complete"], report["missing"], report["rejected_events"]) == (True, [], 0)
    days = {day["day"]: day["total"]["revenue"] for day in report["days"]}
    assert days == {"2011-01-05": "3.00", "2011-01-06": "6.00", "2011-02-05": "5.9895", "2011-02-06": "-1.50"}
    status = platform.wait_until_drained()
    assert {order["order_id"]: order["status"] for order in platform.stored_orders()} == {
        "760001": "fulfilled",
        "760002": "fulfilled",
        "760003": "fulfilled",
        "C760004": "returned",
    }
    assert platform.waiting(status) == {}

    # What waits or is dead is no longer complete.
    sqs = platform.client("sqs")
    sqs.send_message(QueueUrl=status["outputs"][STACK]["dead_letter_queue_urls"]["orders"], MessageBody="{}")
    report = platform.report()
    assert (report["complete"], report["missing"]) == (False, ["1 dead letters of orders (`invoke redrive orders`)"])
