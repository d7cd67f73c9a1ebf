import json
import re
from typing import Any

import pytest
from lambda_calls import batch, object_created
from object_created import Batch, Source, sort_messages

RAW = Source("raw", "sales_events/event_date=", re.compile(r"[^/]+\.jsonl\.gz"))
DAY = "sales_events/event_date=2010-12-01"


def test_messages_of_one_date_come_together_in_the_order_of_arrival() -> None:
    keys = [f"{DAY}/b.jsonl.gz", "sales_events/event_date=0001-01-01/x.jsonl.gz", f"{DAY}/a.jsonl.gz"]
    messages = batch(object_created("raw", key) for key in keys)
    assert sort_messages(messages["Records"], RAW) == Batch({"2010-12-01": ["m0", "m2"], "0001-01-01": ["m1"]}, {})


@pytest.mark.parametrize(
    "key",
    [
        f"{DAY}/",
        f"{DAY}/a.json",
        f"{DAY}/more/a.jsonl.gz",
        f"{DAY}/a.jsonl.gz\n",
        "sales_events/event_date=2010-02-30/a.jsonl.gz",
        "sales_events/event_date=20101201/a.jsonl.gz",
        "sales_events/event_date=2010-W01-1/a.jsonl.gz",
        "sales_events/event_date=/a.jsonl.gz",
        "sales_events/a.jsonl.gz",
        "rejected/sales_events/event_date=2010-12-01/a.jsonl.gz",
        "2010-12-01/a.jsonl.gz",
        "",
        7,
        None,
    ],
)
def test_another_key_is_refused(key: object) -> None:
    messages = batch([object_created("raw", key)])
    (reason,) = sort_messages(messages["Records"], RAW).refused.values()
    assert reason.startswith("key has not the form sales_events/event_date=YYYY-MM-DD/")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "message is not JSON"),
        ("[]", "message is not a JSON object"),
        ("{}", "message is no Object Created event of S3"),
        ({"Service": "Amazon S3", "Event": "s3:TestEvent"}, "message is no Object Created event of S3"),
        (object_created("raw", "k") | {"detail-type": "Object Deleted"}, "message is no Object Created event of S3"),
        (object_created("raw", "k") | {"source": "aws.ec2"}, "message is no Object Created event of S3"),
        (object_created("raw", "k") | {"detail": {}}, "message names no object"),
        (object_created("raw", "k") | {"detail": None}, "message names no object"),
        (object_created("raw", "k") | {"detail": {"bucket": "raw", "object": []}}, "message names no object"),
        (object_created("other", f"{DAY}/a.jsonl.gz"), "object is in another bucket"),
    ],
)
def test_what_is_no_such_event_is_refused_alone(body: object, reason: str) -> None:
    good: Any = object_created("raw", f"{DAY}/a.jsonl.gz")
    sorted_messages = sort_messages(batch([good, body, json.dumps(good)])["Records"], RAW)
    assert sorted_messages == Batch({"2010-12-01": ["m0", "m2"]}, {"m1": reason})
