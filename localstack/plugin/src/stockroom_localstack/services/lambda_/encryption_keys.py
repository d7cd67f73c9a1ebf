"""Remembers with which key a function's environment variables are to be encrypted; here they never are.

LocalStack forgets the key, so that no plan was ever empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from localstack.aws.api import RequestContext
from localstack.services.lambda_ import api_utils
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion
from localstack.utils.patch import patch

# By account, region and name of the function.
_keys: dict[tuple[str, str, str], str] = {}


def remember(context: RequestContext, request: Mapping[str, Any]) -> None:
    """Note the key that a request names. request: of CreateFunction or UpdateFunctionConfiguration, which leaves the
    key as it was if it names none."""
    name, _ = api_utils.get_name_and_qualifier(request["FunctionName"], None, context)
    if context.operation and context.operation.name == "CreateFunction":
        _keys.pop((context.account_id, context.region, name), None)
    if (key := request.get("KMSKeyArn")) is not None:
        _keys[context.account_id, context.region, name] = key


@cache
def apply_patches() -> None:
    """Tell the key with a function's configuration. LocalStack's model of a function has no place for it."""

    @patch(api_utils.map_config_out)
    def map_config_out(original: Any, version: FunctionVersion, *arguments: Any, **options: Any) -> Any:
        found = original(version, *arguments, **options)
        of = version.id
        if key := _keys.get((of.account, of.region, of.function_name)):
            found["KMSKeyArn"] = key
        return found
