"""Lets no request reach a service before its operations are registered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localstack.aws.api import RequestContext
from localstack.aws.handlers.service_plugin import ServiceLoader
from localstack.utils.patch import patch


def wait_for_registration() -> None:
    """Have requests to a service wait until its operations are registered.

    LocalStack notes a service as loaded just before that. A request that comes in between is told that the operation is
    not implemented (501).
    """
    registered: set[str] = set()

    @patch(ServiceLoader.require_service)
    def require_service(
        load: Callable[..., None], self: ServiceLoader, chain: Any, context: RequestContext, response: Any
    ) -> None:
        if context.service is None or (name := context.service.service_name) in registered:
            return
        with self.service_locks[name]:
            load(self, chain, context, response)
            registered.add(name)
