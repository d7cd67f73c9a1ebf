"""LocalStack's Lambda service, with the limits of this emulator told when a function is created or changed."""

from __future__ import annotations

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.lambda_ import (
    CreateFunctionRequest,
    FunctionConfiguration,
    InvalidParameterValueException,
    UpdateFunctionConfigurationRequest,
)
from localstack.services.lambda_.provider import LambdaProvider

from . import assignment, encryption_keys
from .runtimes import refusal


def _refuse(runtime: str | None, package_type: str | None) -> None:
    if reason := refusal(runtime, package_type):
        raise InvalidParameterValueException(reason, Type="User")


class StockroomLambdaProvider(LambdaProvider):
    def __init__(self) -> None:
        assignment.use()
        super().__init__()

    def on_before_start(self) -> None:
        super().on_before_start()
        encryption_keys.tell()

    @handler(operation="CreateFunction", expand=False)
    def create_function(  # type: ignore[override]  # as LocalStack's own class does
        self, context: RequestContext, request: CreateFunctionRequest
    ) -> FunctionConfiguration:
        _refuse(request.get("Runtime"), request.get("PackageType"))
        encryption_keys.note(context, request)
        return super().create_function(context, request)

    @handler(operation="UpdateFunctionConfiguration", expand=False)
    def update_function_configuration(  # type: ignore[override]
        self, context: RequestContext, request: UpdateFunctionConfigurationRequest
    ) -> FunctionConfiguration:
        if runtime := request.get("Runtime"):
            _refuse(runtime, None)
        encryption_keys.note(context, request)
        return super().update_function_configuration(context, request)
