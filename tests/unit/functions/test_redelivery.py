import io
import json
from typing import Any

import botocore.session
import pytest
import redelivery
from aws_lambda_powertools import Logger
from botocore.stub import Stubber

URL = "https://sqs.eu-west-1.amazonaws.com/222222222222/queue"
LOGGER = Logger(service="redelivery")


def records(receives: dict[str, int]) -> list[dict[str, Any]]:
    """The records of messages, each with how often it was received."""
    return [
        {
            "messageId": name,
            "receiptHandle": f"receipt of {name}",
            "attributes": {"ApproximateReceiveCount": str(count)},
        }
        for name, count in receives.items()
    ]


def entry(number: int, name: str, seconds: int) -> dict[str, Any]:
    return {"Id": str(number), "ReceiptHandle": f"receipt of {name}", "VisibilityTimeout": seconds}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Stubber:
    client = botocore.session.get_session().create_client(
        "sqs", "eu-west-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    stubber = Stubber(client)
    stubber.activate()
    monkeypatch.setattr(redelivery, "_sqs", lambda: client)
    return stubber


def test_pauses_grow_with_each_receive_but_for_what_can_never_be_processed() -> None:
    again = redelivery.Redelivery(records({"a": 1, "b": 4, "c": 4, "d": 1, "e": 1000}), 60)
    again.later("a")
    again.later("b")
    again.at_once("c")
    again.later("e")
    assert again.entries() == [entry(0, "a", 60), entry(1, "b", 240), entry(2, "c", 0), entry(3, "e", 36_000)]


def test_pauses_after_failures_double() -> None:
    receives = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 1000}
    again = redelivery.Redelivery(records(receives), 1)
    for name in receives:
        again.after_failure(name)
    assert [each["VisibilityTimeout"] for each in again.entries()] == [4, 8, 16, 32, 36_000]


def test_those_that_are_dead_letters_soonest_come_first() -> None:
    batch = [*records({"a": 1, "b": 4, "c": 1, "d": 5}), {"messageId": "of a test's own call"}]
    assert [record["messageId"][0] for record in redelivery.most_received_first(batch)] == ["d", "b", "a", "c", "o"]


def test_a_queue_is_told_in_calls_that_it_takes(sqs: Stubber) -> None:
    names = [f"m{number}" for number in range(23)]
    again = redelivery.Redelivery(records(dict.fromkeys(names, 1)), 60)
    for name in names:
        again.at_once(name)
    entries = [entry(number, name, 0) for number, name in enumerate(names)]
    for some in (entries[:10], entries[10:20], entries[20:]):
        sqs.add_response(
            "change_message_visibility_batch", {"Successful": [], "Failed": []}, {"QueueUrl": URL, "Entries": some}
        )
    redelivery.tell(URL, again, LOGGER)
    sqs.assert_no_pending_responses()


def test_nothing_is_asked_of_the_queue_for_what_was_processed(sqs: Stubber) -> None:
    redelivery.tell(URL, redelivery.Redelivery(records({"a": 1}), 60), LOGGER)  # any call would raise


def test_a_queue_that_refuses_fails_no_call(sqs: Stubber, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = io.StringIO()
    monkeypatch.setattr(LOGGER.registered_handler, "stream", logged)
    again = redelivery.Redelivery(records({"a": 1}), 60)
    again.at_once("a")
    sqs.add_client_error("change_message_visibility_batch", "AccessDenied")
    redelivery.tell(URL, again, LOGGER)
    line = json.loads(logged.getvalue())
    assert line["level"] == "WARNING"
    assert "AccessDenied" in line["reason"]
