"""LocalStack's SQS with the deduplication of AWS's FIFO queues, with metrics that cost little and come soon, with
messages that end when their retention does, and with refusals as on AWS."""

from __future__ import annotations

from functools import cache
from typing import Any

from localstack import config
from localstack.aws.api import RequestContext
from localstack.services.plugins import Service
from localstack.services.sqs.exceptions import InvalidAttributeValue, InvalidParameterValueException
from localstack.services.sqs.models import FifoQueue, SqsMessage, SqsQueue, StandardQueue
from localstack.services.sqs.provider import CloudwatchDispatcher, SqsProvider
from localstack.utils.patch import patch

from stockroom_localstack.services.cloudwatch.collector import COLLECTOR, Metric, Owner

from . import receiving
from .rules import Attributes, refusal


class CollectingDispatcher(CloudwatchDispatcher):
    """Hands metrics to the collector, in place of a request to CloudWatch for each."""

    def dispatch_sqs_metric(
        self, account_id: str, region: str, queue_name: str, metric: str, value: float = 1, unit: str = "Count"
    ) -> None:
        owner = Owner(account_id, region, "AWS/SQS")
        COLLECTOR.add(Metric(owner, ("QueueName", queue_name), metric, unit), value)


class StockroomSqsProvider(SqsProvider):
    """LocalStack's provider with refusals, deduplication and metrics as on AWS."""

    def on_before_start(self) -> None:
        _deduplicate_as_aws_does()
        _count_the_first_message()
        config.SQS_ENABLE_MESSAGE_RETENTION_PERIOD = True
        receiving.apply_patches()  # before the worker starts, which keeps the methods that it starts with
        super().on_before_start()

    def create_queue(
        self, context: RequestContext, queue_name: str, attributes: Any = None, *arguments: Any, **options: Any
    ) -> Any:
        arn = f"arn:aws:sqs:{context.region}:{context.account_id}:{queue_name}"
        self._require_right(arn, attributes or {})
        return super().create_queue(context, queue_name, attributes, *arguments, **options)

    def set_queue_attributes(self, context: RequestContext, queue_url: str, attributes: Any, **options: Any) -> None:
        queue = self._resolve_queue(context, queue_url=queue_url)
        self._require_right(queue.arn, attributes or {})
        super().set_queue_attributes(context, queue_url, attributes, **options)

    def _require_right(self, arn: str, attributes: Attributes) -> None:
        if found := refusal(arn, attributes, self._attributes_of):
            if found.reason is None:
                raise InvalidAttributeValue(found.message)
            raise InvalidParameterValueException(found.message)

    def _attributes_of(self, arn: str) -> Attributes | None:
        _, _, _, region, account, name = arn.split(":")
        queue = self.get_store(account, region).queues.get(name)
        return {str(each): value for each, value in queue.attributes.items()} if queue else None

    def _init_cloudwatch_metrics_reporting(self) -> None:
        super()._init_cloudwatch_metrics_reporting()
        if self._cloudwatch_dispatcher:
            self._cloudwatch_dispatcher = CollectingDispatcher()


@cache
def _deduplicate_as_aws_does() -> None:
    # A patch of two faults in one place. LocalStack moves a message to a dead-letter queue and back as if it were sent
    # once more: a queue that has seen its deduplication ID in the last five minutes drops it, and the one that it came
    # from always has. And of the messages with one ID in several groups it remembers only the last.
    @patch(FifoQueue.put)
    def put(original: Any, self: FifoQueue, message: Any, **options: Any) -> SqsMessage:
        with self.mutex:
            remembered: dict[Any, Any] = self.deduplication
            if "DeadLetterQueueSourceArn" in message.get("Attributes", {}):
                self.deduplication = {}
            elif self.deduplication_scope == "messageGroup":
                self.deduplication = remembered.setdefault(("group", options.get("message_group_id")), {})
            try:
                put: SqsMessage = original(self, message, **options)
            finally:
                self.deduplication = remembered
        return put


@cache
def _count_the_first_message() -> None:
    # LocalStack counts a queue's messages once a minute, as AWS does, but all queues at the same moment. Here that of a
    # queue that was empty is when a message comes. A patch, because messages come on many ways, also from other queues.
    def count(original: Any, self: SqsQueue, message: SqsMessage) -> None:
        visible = receiving.visible_in(self)
        was_empty = not visible.qsize()
        original(self, message)
        if was_empty and visible.qsize():
            owner = Owner(self.account_id, self.region, "AWS/SQS")
            COLLECTOR.add(Metric(owner, ("QueueName", self.name), "ApproximateNumberOfMessagesVisible", "Count"), 1)

    for kind in (StandardQueue, FifoQueue):
        patch(kind._put_message)(count)


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomSqsProvider())
