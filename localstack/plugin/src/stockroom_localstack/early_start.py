"""Starts the services a stack uses in the background, so that no first request pays for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

LOG = logging.getLogger(__name__)

# Starting these means waiting for a process of their own to boot, which needs no Python time.
WAIT_FOR_A_PROCESS = ("dynamodb", "kinesis")


def begin(services: Sequence[str]) -> None:
    """Returns at once. A service that fails to start is logged; its first request then shows the error."""
    if services:
        threading.Thread(target=_load, args=(services,), name="early-start", daemon=True).start()


def _load(services: Sequence[str]) -> None:
    from localstack.services.plugins import SERVICE_PLUGINS

    def logged(what: str, action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:
            LOG.error("could not start %s early: %s", what, error)

    # The code of the services is imported one after the other: threads would only fight for the interpreter and its
    # import locks. What is awaited is awaited side by side.
    with ThreadPoolExecutor(thread_name_prefix="early-start") as waiting:
        for service in sorted(services, key=lambda name: name not in WAIT_FOR_A_PROCESS):
            if service in WAIT_FOR_A_PROCESS:
                logged(service, lambda name=service: SERVICE_PLUGINS.get_service_container(name))
                waiting.submit(logged, service, lambda name=service: SERVICE_PLUGINS.require(name))
            else:
                logged(service, lambda name=service: SERVICE_PLUGINS.require(name))
