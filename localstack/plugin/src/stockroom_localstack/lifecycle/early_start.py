"""Starts the services a stack uses in the background, so that no first request pays for it."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

LOG = logging.getLogger(__name__)


class EarlyStart(Protocol):
    """`begin` of this module, told which services boot processes."""

    def __call__(self, services: Sequence[str], *, then: Callable[[], None] = ...) -> None: ...


def begin(services: Sequence[str], *, boot_processes: Collection[str], then: Callable[[], None] = lambda: None) -> None:
    """Start the services in a thread, and return at once. A service that fails to start is logged; its first request
    then shows the error.

    boot_processes: the services whose start means waiting for a process to boot, which needs no Python time.
    then: called as soon as all have started but those.
    """
    arguments = (services, boot_processes, then)
    threading.Thread(target=_start_all, args=arguments, name="early-start", daemon=True).start()


def _start_all(services: Sequence[str], boot_processes: Collection[str], then: Callable[[], None]) -> None:
    # The code of the services is imported one after the other: threads would only fight for the interpreter and its
    # import locks. The processes boot side by side meanwhile.
    with ThreadPoolExecutor(thread_name_prefix="early-start") as booting:
        for service in sorted(services, key=lambda name: name not in boot_processes):
            if service in boot_processes:
                booting.submit(_start, service)
            else:
                _start(service)
        then()
    # Nothing of what is there now will ever be garbage, and to look through all of it takes half a second.
    gc.freeze()
    gc.enable()


def _start(service: str) -> None:
    from localstack.services.plugins import SERVICE_PLUGINS

    began = time.monotonic()
    try:
        SERVICE_PLUGINS.require(service)
    except Exception as error:
        LOG.error("could not start %s early: %s", service, error)
    else:
        LOG.info("started %s in %.2f s", service, time.monotonic() - began)
