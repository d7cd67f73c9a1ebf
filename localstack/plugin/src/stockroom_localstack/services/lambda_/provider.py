"""LocalStack's Lambda service, with what AWS refuses and what this emulator can't do told at once."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any, cast

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.lambda_ import (
    CreateFunctionRequest,
    FunctionConfiguration,
    InvalidParameterValueException,
    InvocationRequest,
    InvocationResponse,
    InvokeWithResponseStreamRequest,
    UpdateFunctionCodeRequest,
    UpdateFunctionConfigurationRequest,
)
from localstack.http import Response
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.runtimes import ALL_RUNTIMES
from localstack.services.plugins import Service
from localstack.utils.aws.arns import extract_service_from_arn

from stockroom_localstack.runtime.runtimes import refusal

from . import assignment, encryption_keys, function_urls, options, requirements_of_aws
from .response_streams import as_stream


def _refuse(runtime: str | None, package_type: str | None) -> None:
    # What AWS does not know either, LocalStack refuses as AWS does.
    if runtime and runtime not in ALL_RUNTIMES:
        return
    if reason := refusal(runtime, package_type):
        raise InvalidParameterValueException(reason, Type="User")


def _check_configuration(operation: str, request: Mapping[str, Any]) -> None:
    options.refuse(operation, request)
    requirements_of_aws.check_variables((request.get("Environment") or {}).get("Variables") or {})


class StockroomLambdaProvider(LambdaProvider):
    """LocalStack's provider with refusals as on AWS, and of what can't run here."""

    def __init__(self) -> None:
        assignment.replace_assignment_service()
        function_urls.apply_patches()
        super().__init__()

    def on_before_start(self) -> None:
        super().on_before_start()
        encryption_keys.apply_patches()

    @handler(operation="CreateFunction", expand=False)
    def create_function(  # type: ignore[override]  # as LocalStack's own class does
        self, context: RequestContext, request: CreateFunctionRequest
    ) -> FunctionConfiguration:
        _refuse(request.get("Runtime"), request.get("PackageType"))
        _check_configuration("CreateFunction", request)
        options.refuse("UpdateFunctionCode", request["Code"])
        encryption_keys.remember(context, request)
        return super().create_function(context, request)

    @handler(operation="UpdateFunctionConfiguration", expand=False)
    def update_function_configuration(  # type: ignore[override]
        self, context: RequestContext, request: UpdateFunctionConfigurationRequest
    ) -> FunctionConfiguration:
        if runtime := request.get("Runtime"):
            _refuse(runtime, None)
        _check_configuration("UpdateFunctionConfiguration", request)
        encryption_keys.remember(context, request)
        return super().update_function_configuration(context, request)

    @handler(operation="UpdateFunctionCode", expand=False)
    def update_function_code(  # type: ignore[override]
        self, context: RequestContext, request: UpdateFunctionCodeRequest
    ) -> FunctionConfiguration:
        options.refuse("UpdateFunctionCode", request)
        return super().update_function_code(context, request)

    @handler(operation="Invoke", expand=False)
    def invoke(  # type: ignore[override]
        self, context: RequestContext, request: InvocationRequest
    ) -> InvocationResponse:
        return self._invoke("Invoke", context, request)

    @handler(operation="InvokeWithResponseStream", expand=False)
    def invoke_with_response_stream(  # type: ignore[override]
        self, context: RequestContext, request: InvokeWithResponseStreamRequest
    ) -> Response:
        return as_stream(self._invoke("InvokeWithResponseStream", context, cast(InvocationRequest, request)))

    def _invoke(self, operation: str, context: RequestContext, request: InvocationRequest) -> InvocationResponse:
        options.refuse(operation, request)
        given = request.get("Payload")
        payload = given.read() if given else b""
        requirements_of_aws.check_payload(len(payload), request.get("InvocationType"))
        return super().invoke(
            context,
            function_name=request["FunctionName"],
            invocation_type=request.get("InvocationType"),
            log_type=request.get("LogType"),
            client_context=request.get("ClientContext"),
            payload=BytesIO(payload) if payload else None,
            qualifier=request.get("Qualifier"),
        )

    def validate_event_source_mapping(self, context: RequestContext, request: Any) -> Any:
        """request: of CreateEventSourceMapping, or a mapping as it is to be after an update."""
        source = str(request.get("EventSourceArn") or "")
        service = extract_service_from_arn(source) if source else None
        options.refuse("CreateEventSourceMapping", request)
        if service and service not in options.SOURCES:
            raise InvalidParameterValueException(
                f"The local emulator has no event sources of {service}: {', '.join(options.SOURCES)} work.", Type="User"
            )
        found = super().validate_event_source_mapping(context, request)
        if service:
            is_new = context.operation and context.operation.name == "CreateEventSourceMapping"
            given = [name for name, value in request.items() if value] if is_new else []
            requirements_of_aws.check_options(options.unsupported(service, given), request)
        if service == "sqs":
            *_, version, _ = found
            requirements_of_aws.check_visibility(visibility_of(source), version.config.timeout)
        return found


def visibility_of(queue_arn: str) -> int:
    """The visibility timeout of a queue, in seconds."""
    from localstack.services.sqs.models import sqs_stores
    from localstack.utils.aws.arns import parse_arn

    arn = parse_arn(queue_arn)
    queue = sqs_stores[arn["account"]][arn["region"]].queues[arn["resource"]]
    return int(queue.visibility_timeout)


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomLambdaProvider())
