"""What the plugin switches on when LocalStack starts, in one place."""

from __future__ import annotations

from localstack import config
from localstack.runtime import hooks

from . import settings

# Ahead of LocalStack's own hooks, which already start threads and servers.
BEFORE_ALL_OTHERS = 1000


@hooks.on_infra_start(priority=BEFORE_ALL_OTHERS)
def stockroom() -> None:
    """Switch all of it on. Returns before services have started; with a state to prove, never."""
    from functools import partial

    from stockroom_localstack.doors import gateway
    from stockroom_localstack.lifecycle import early_start, run_directory, service_index, service_loading, unused
    from stockroom_localstack.services import registration
    from stockroom_localstack.services.table import BOOT_PROCESSES, NOTIFIERS

    from .state import background, endpoint, first_state

    current = settings.current()
    config.GATEWAY_SERVER = "loopback"
    config.LAMBDA_RUNTIME_EXECUTOR = "process"
    registration.register()
    service_index.point_localstack_to_index(current.home)
    service_loading.wait_for_registration()
    unused.make_no_certificate()
    gateway.skip_what_nobody_needs()
    if current.run_dir:
        run_directory.end_emulator_when_gone(current.run_dir)
        endpoint.serve(current.run_dir)
    endpoint.watch_requests()
    background.watch_notifications(NOTIFIERS)
    start = partial(early_start.begin, boot_processes=BOOT_PROCESSES)
    if current.state and current.proves:
        first_state.prove(current.state, current.parent, current.services, start)
    elif current.state:
        first_state.load(current.state, current.parent, current.services, start)
    else:
        start(current.services)
