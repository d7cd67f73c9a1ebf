"""JSONata in Python: LocalStack runs it in Java, which it downloads first."""

from __future__ import annotations

import hashlib
import json
import math
import random
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name import StatesErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from localstack.services.stepfunctions.asl.component.common.string.string_expression import StringJSONata
from localstack.services.stepfunctions.asl.component.intrinsic import jsonata as intrinsic
from localstack.services.stepfunctions.asl.eval import states, variable_store
from localstack.services.stepfunctions.asl.eval.event.event_detail import EventDetails
from localstack.services.stepfunctions.asl.jsonata import jsonata as evaluator
from localstack.services.stepfunctions.asl.parse.preprocessor import Preprocessor
from localstack.utils.patch import patch

HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


@cache
def apply_patches() -> None:
    """Evaluate here, and mend how variables come into expressions: LocalStack writes texts as they are, so that an
    expression with a quotation mark or a backslash in one is none any more."""
    evaluator._eval_jsonata = evaluate
    module: ModuleType
    for module in (evaluator, states, variable_store):
        module.encode_jsonata_variable_declarations = declarations  # type: ignore[attr-defined]
    for name in FUNCTIONS:
        intrinsic._DECLARATION_BY_VARIABLE_REFERENCE.pop(f"${name}", None)
    for kind in (
        Preprocessor.visitAssign_template_value_terminal_string_literal,
        Preprocessor.visitJsonata_template_value_terminal_string_literal,
    ):
        patch(kind)(_without_escapes)
    patch(StringJSONata._eval_body)(_failing_as_a_query)


def _without_escapes(original: Any, self: Preprocessor, context: Any) -> Any:
    """A text of a definition. LocalStack leaves it as it is written."""
    found = original(self, context)
    return type(found)(value=json.loads(f'"{found.value}"')) if isinstance(found.value, str) else found


def _failing_as_a_query(original: Any, self: StringJSONata, env: Any) -> None:
    try:
        original(self, env)
    except evaluator.JSONataException as error:
        name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
        cause = f"An error occurred while evaluating the JSONata expression '{self.expression}': {error.details}"
        details = EventDetails(evaluationFailedEventDetails={"cause": cause, "error": name.error_name})
        kind = HistoryEventType.EvaluationFailed
        env.event_manager.add_event(context=env.event_history_context, event_type=kind, event_details=details)
        failure = FailureEvent(env=env, error_name=name, event_type=kind, event_details=details)
        raise FailureEventException(failure_event=failure) from error


def declarations(bindings: Mapping[str, Any]) -> str:
    """Variables, by their names, as an expression begins with them."""
    return "".join(f"{name}:={_literal(value)};" for name, value in bindings.items())


def _literal(value: Any) -> str:
    from localstack.services.stepfunctions.asl.utils.encoding import to_json_str

    return str(to_json_str(value, separators=(",", ":")))


def evaluate(expression: str) -> Any:
    """The value of a JSONata expression. Raises LocalStack's JSONataException."""
    import jsonata  # type: ignore[import-untyped]

    try:
        parsed = jsonata.Jsonata(expression)
        for name, function in FUNCTIONS.items():
            parsed.register_lambda(name, function)
        result = parsed.evaluate(None)
        return json.loads(json.dumps(result, allow_nan=False))
    except Exception as error:
        raise evaluator.JSONataException("UNKNOWN", str(error)) from error


# What Step Functions adds to JSONata.


def _partition(items: list[Any], size: float) -> list[list[Any]]:
    width = int(size)
    return [items[start : start + width] for start in range(0, len(items), width)]


def _range(first: float, last: float, step: float) -> list[float]:
    count = math.floor((last - first) / step) + 1
    return [first + number * step for number in range(max(count, 0))]


def _hash(text: str, algorithm: str) -> str:
    return hashlib.new(HASHES[algorithm], str(text).encode(), usedforsecurity=False).hexdigest()


def _random(seed: float | None = None) -> float:
    return random.Random(seed).random()  # noqa: S311  # as AWS's, for no secret


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "hash": _hash,
    "parse": json.loads,
    "partition": _partition,
    "random": _random,
    "range": _range,
    "uuid": lambda: str(uuid.uuid4()),
}
