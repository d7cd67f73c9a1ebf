"""Two stacks that use the same short names everywhere: what is asked of one is not done to the other."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any, cast

import boto3
import pytest
from rich.console import Console

from stockroom.aws import new_session
from stockroom.console import Steps
from stockroom.deployed.function_code import check_aliases
from stockroom.deployed.live_alias import shift
from stockroom.deployed.outputs import labelled
from stockroom.deployed.secrets import Change, change_value, fill_empty, read_secrets
from stockroom.environments import local_aws_variables
from stockroom.errors import StockroomError
from stockroom.local.status import count_records, record_table
from stockroom.redrive.command import list_letters, redrive

from .functions import Functions, make_table, zip_bytes

STACKS = ("lake", "shop")


class TwoStacks:
    """A queue `jobs` with its dead-letter queue, a table `items`, a secret `key` and a function `greet` of each."""

    def __init__(self, session: boto3.Session, aws: Callable[[str], Any], functions: Functions) -> None:
        self.session, self.aws = session, aws
        self.prefix = f"two-{uuid.uuid4().hex[:8]}"
        self.outputs = {stack: self._make(stack, functions) for stack in STACKS}

    def _make(self, stack: str, functions: Functions) -> dict[str, dict[str, str]]:
        sqs, name = self.aws("sqs"), f"{self.prefix}-{stack}"
        dead = sqs.create_queue(QueueName=f"{name}-jobs-dlq")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}'
        url = sqs.create_queue(QueueName=f"{name}-jobs", Attributes={"RedrivePolicy": policy})["QueueUrl"]
        sqs.send_message(QueueUrl=dead, MessageBody=f'{{"order_id": "of-{stack}"}}')
        make_table(self.aws("dynamodb"), f"{name}-items")
        secret = self.aws("secretsmanager").create_secret(Name=f"{name}-key")["ARN"]
        function = functions.make(f"def handler(event, context): return '{stack}'", Publish=True)
        self.aws("lambda").create_alias(FunctionName=function, Name="live", FunctionVersion="1")
        return {
            "queue_urls": {"jobs": url},
            "dead_letter_queue_urls": {"jobs": dead},
            "table_names": {"items": f"{name}-items"},
            "secret_arns": {"key": secret},
            "function_names": {"greet": function},
            "function_versions": {"greet": "1"},
        }

    def publish(self, stack: str) -> None:
        """A new version of the stack's function, which its state names."""
        client, name = self.aws("lambda"), self.outputs[stack]["function_names"]["greet"]
        code = zip_bytes({"app.py": f"def handler(event, context): return 'new {stack}'"})
        client.update_function_code(FunctionName=name, ZipFile=code)
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.2})
        self.outputs[stack]["function_versions"]["greet"] = client.publish_version(FunctionName=name)["Version"]

    def live(self, stack: str) -> str:
        name = self.outputs[stack]["function_names"]["greet"]
        return str(self.aws("lambda").get_alias(FunctionName=name, Name="live")["FunctionVersion"])

    def waiting(self, stack: str, output: str) -> int:
        answer = self.aws("sqs").get_queue_attributes(
            QueueUrl=self.outputs[stack][output]["jobs"], AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def secret(self, stack: str) -> str | None:
        manager = self.aws("secretsmanager")
        (found,) = read_secrets(self.session, self.outputs[stack]["secret_arns"])
        return str(manager.get_secret_value(SecretId=found.arn)["SecretString"]) if found.has_value else None


@pytest.fixture
def two(endpoint: str, aws: Callable[[str], Any], functions: Functions, monkeypatch: pytest.MonkeyPatch) -> TwoStacks:
    for name, value in local_aws_variables(endpoint, "us-east-1").items():
        monkeypatch.setenv(name, value)
    return TwoStacks(new_session("us-east-1", path_style=True, owner="000000000000"), aws, functions)


def test_the_queue_of_one_is_redriven_and_not_that_of_the_other(two: TwoStacks) -> None:
    with pytest.raises(StockroomError, match="several stacks have a dead-letter queue 'jobs'") as error:
        redrive(two.session, two.outputs, "jobs", Steps(quiet=True))
    assert error.value.hint == "write lake/jobs or shop/jobs"
    assert "1 messages moved back to" in redrive(two.session, two.outputs, "shop/jobs", Steps(quiet=True))
    assert (two.waiting("shop", "queue_urls"), two.waiting("shop", "dead_letter_queue_urls")) == (1, 0)
    assert (two.waiting("lake", "queue_urls"), two.waiting("lake", "dead_letter_queue_urls")) == (0, 1)
    console = Console(file=io.StringIO(), width=200)
    console.print(list_letters(two.session, two.outputs, "lake/jobs"))
    shown = cast("io.StringIO", console.file).getvalue()
    assert "1 in the dead-letter queue of lake/jobs" in shown
    assert "of-lake" in shown


def test_each_secret_gets_a_value_of_its_own(two: TwoStacks) -> None:
    change_value(two.session, two.outputs, Change("shop/key", "given"))
    assert (two.secret("lake"), two.secret("shop")) == (None, "given")
    with pytest.raises(StockroomError, match="the secret 'shop/key' has a value already"):
        change_value(two.session, two.outputs, Change("shop/key", None))
    assert fill_empty(two.session, labelled(two.outputs, "secret_arns")) == ["lake/key"]
    assert two.secret("lake") not in (None, "given")
    assert two.secret("shop") == "given"


def test_the_aliases_of_both_are_shifted(two: TwoStacks) -> None:
    two.publish("shop")
    assert shift(two.session, two.outputs, lambda _: None) == [("shop/greet", "1", "2")]
    assert (two.live("lake"), two.live("shop")) == ("1", "2")
    two.publish("lake")
    with pytest.raises(StockroomError, match="lake/greet 1 instead of 2"):
        check_aliases(two.session, two.outputs)
    shift(two.session, two.outputs, lambda _: None)
    check_aliases(two.session, two.outputs)
    assert (two.live("lake"), two.live("shop")) == ("2", "2")


def test_records_are_counted_by_stack(two: TwoStacks) -> None:
    two.aws("dynamodb").put_item(TableName=two.outputs["shop"]["table_names"]["items"], Item={"id": {"S": "a"}})
    counted = {stack: count_records(two.session, outputs) for stack, outputs in two.outputs.items()}
    assert (counted["lake"].tables, counted["shop"].tables) == ({"items": 0}, {"items": 1})
    assert counted["lake"].queues == {"jobs": 0, "jobs (dead letters)": 1}
    console = Console(file=io.StringIO(), width=120)
    console.print(record_table(counted))
    lines = [" ".join(line.split()) for line in cast("io.StringIO", console.file).getvalue().splitlines()]
    assert {"lake table items 0 items", "shop table items 1 items"} <= set(lines)
