"""Events of S3 on their way through EventBridge into a queue."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .recipe import wait_for

KEY = "sales/event_date=2010-12-01/a b+ü.jsonl"


def test_every_object_below_a_prefix_has_an_event_with_its_key_as_it_is(aws: Callable[[str], Any], unique: str) -> None:
    s3, sqs, events = aws("s3"), aws("sqs"), aws("events")
    key_arn = aws("kms").create_key()["KeyMetadata"]["Arn"]
    queue_arn = f"arn:aws:sqs:us-east-1:000000000000:{unique}"
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:000000000000:rule/{unique}"}},
            }
        ],
    }
    queue = sqs.create_queue(QueueName=unique, Attributes={"KmsMasterKeyId": key_arn, "Policy": json.dumps(policy)})
    s3.create_bucket(Bucket=unique)
    s3.put_bucket_versioning(Bucket=unique, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=unique, NotificationConfiguration={"EventBridgeConfiguration": {}})
    detail = {"bucket": {"name": [unique]}, "object": {"key": [{"prefix": "sales/event_date="}]}}
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
    events.put_rule(Name=unique, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=unique, Targets=[{"Id": "queue", "Arn": queue_arn}])

    stored = s3.put_object(Bucket=unique, Key=KEY, Body=b"hello")
    keys = [f"sales/event_date=2010-12-02/{number}" for number in range(100)]
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda key: s3.put_object(Bucket=unique, Key=key, Body=b"1"), [*keys, "other/1"]))

    found: list[dict[str, Any]] = []

    def receive() -> bool:
        got = sqs.receive_message(QueueUrl=queue["QueueUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=1)
        found.extend(json.loads(message["Body"]) for message in got.get("Messages", []))
        return len(found) > len(keys)

    wait_for("all events", receive, 60)
    by_key = {event["detail"]["object"]["key"]: event for event in found}
    assert sorted(by_key) == sorted([KEY, *keys])
    assert len(found) == len(by_key)
    assert len({event["detail"]["object"]["sequencer"] for event in found}) == len(found)
    event = by_key[KEY]
    sequencer = event["detail"]["object"].pop("sequencer")
    assert sequencer < min(other["detail"]["object"]["sequencer"] for key, other in by_key.items() if key != KEY)
    assert event["detail"]["object"] == {
        "key": KEY,
        "size": 5,
        "etag": stored["ETag"].strip('"'),
        "version-id": stored["VersionId"],
    }
    assert event["detail"]["bucket"] == {"name": unique}
    assert (event["source"], event["detail-type"], event["detail"]["reason"]) == (
        "aws.s3",
        "Object Created",
        "PutObject",
    )
    events.remove_targets(Rule=unique, Ids=["queue"])
    events.delete_rule(Name=unique)


def test_of_concurrent_conditional_writes_one_wins(aws: Callable[[str], Any], unique: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=unique)
    s3.put_bucket_versioning(Bucket=unique, VersioningConfiguration={"Status": "Enabled"})

    def race(condition: dict[str, str]) -> list[int | None]:
        def write(number: int) -> int | None:
            try:
                s3.put_object(Bucket=unique, Key="sales", Body=f"{condition} {number}".encode(), **condition)
            except s3.exceptions.ClientError as error:
                if error.response["Error"]["Code"] != "PreconditionFailed":
                    raise
                return None
            return number

        with ThreadPoolExecutor(8) as writers:
            return [number for number in writers.map(write, range(8)) if number is not None]

    assert len(race({"IfNoneMatch": "*"})) == 1
    for _ in range(3):
        assert len(race({"IfMatch": s3.head_object(Bucket=unique, Key="sales")["ETag"]})) == 1
