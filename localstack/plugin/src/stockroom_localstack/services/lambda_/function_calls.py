"""How event source mappings call their functions: within the emulator's process.

LocalStack's sender makes a request to the emulator itself, which an AWS client writes and signs and the gateway reads,
and writes the events as JSON twice, once for a log that nobody keeps.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]
from localstack.aws.api import ServiceException
from localstack.aws.api.lambda_ import InvocationType
from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.lambda_.event_source_mapping.esm_event_processor import EsmEventProcessor
from localstack.services.lambda_.event_source_mapping.event_processor import BatchFailureError, PartialBatchFailureError
from localstack.services.lambda_.event_source_mapping.pollers.poller import has_batch_item_failures
from localstack.services.lambda_.event_source_mapping.senders.lambda_sender import LambdaSender
from localstack.services.lambda_.event_source_mapping.senders.sender import PartialFailureSenderError, SenderError
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.utils.json import BytesEncoder
from localstack.utils.patch import patch
from localstack.utils.strings import long_uid

from stockroom_localstack.state.running import provider

Events = list[dict[str, Any]]


@cache
def apply_patches() -> None:
    """Change how event sources call functions, in classes that LocalStack makes by name."""

    @patch(EsmEventProcessor.process_events_batch)
    def process_events_batch(original: Any, self: EsmEventProcessor, events: Any) -> None:
        try:
            self.sender.send_events(events)
        except PartialFailureSenderError as failure:
            payload = failure.partial_failure_payload
            raise PartialBatchFailureError(partial_failure_payload=payload, error=failure.error) from failure
        except SenderError as failure:
            raise BatchFailureError(error=failure.error) from failure

    @patch(LambdaSender.send_events)
    def send_events(original: Any, self: LambdaSender, events: Events | dict[str, Any]) -> Any:
        request_id = long_uid()
        event = {"Records": events} if isinstance(events, list) else events
        body = json.dumps(event, cls=BytesEncoder, separators=(",", ":")).encode()
        result = _invoke(provider("lambda").lambda_service, self.target_arn, body, request_id)
        payload = _parsed(result.payload)
        error = {
            "httpStatusCode": 200,
            "awsService": "lambda",
            "requestId": request_id,
            "exceptionType": "BadRequest",
            "resourceArn": self.target_arn,
            "executedVersion": result.executed_version or "$LATEST",
        }
        if result.is_error:
            message = f"Target {self.target_arn} encountered an error while processing event(s)."
            raise SenderError(message, error=error | {"message": message, "functionError": "Unhandled"})
        if self.report_batch_item_failures and has_batch_item_failures(payload):
            error |= {"message": "Target invocation failed partially."}
            raise PartialFailureSenderError(error=error, partial_failure_payload=payload)
        return payload


def _invoke(service: LambdaService, function_arn: str, body: bytes, request_id: str) -> InvocationResult:
    """Raises ClientError, as an AWS client does."""
    name, qualifier, account, region = function_locators_from_arn(function_arn)
    try:
        result = service.invoke(
            function_name=name or "",
            qualifier=qualifier,
            region=region or "",
            account_id=account or "",
            invocation_type=InvocationType.RequestResponse,
            client_context=None,
            request_id=request_id,
            payload=body,
        )
    except ServiceException as error:
        raise ClientError({"Error": {"Code": error.code, "Message": str(error)}}, "Invoke") from error
    assert result
    return result


def _parsed(payload: bytes | None) -> Any:
    try:
        return json.loads(payload or b"")
    except ValueError:
        return None
