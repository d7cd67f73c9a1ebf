"""What functions do, in CloudWatch, whoever calls them: MiniStack counts only calls of Invoke."""

import time
from typing import Any

from ministack.services import lambda_svc


def patch() -> None:
    """Count every invocation where functions are run, whoever calls them."""
    emit, dispatch = lambda_svc._emit_lambda_metrics, lambda_svc._execute_function_dispatch

    def emit_throttles(name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            emit(name, duration_ms, error, throttle)

    def execute(function: dict[str, Any], config: dict[str, Any], *args: Any) -> dict[str, Any]:
        started = time.monotonic()
        result: dict[str, Any] = dispatch(function, config, *args)
        took_ms = (time.monotonic() - started) * 1000
        emit(config["FunctionName"], took_ms, bool(result.get("error")), False)
        return result

    lambda_svc._emit_lambda_metrics = emit_throttles
    lambda_svc._execute_function_dispatch = execute
