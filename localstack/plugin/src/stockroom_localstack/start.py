"""What the plugin switches on when LocalStack starts, in one place."""

from __future__ import annotations

from localstack import config
from localstack.runtime import hooks

from . import settings

# Ahead of LocalStack's own hooks, which already start threads and servers.
BEFORE_ALL_OTHERS = 1000


@hooks.on_infra_start(priority=BEFORE_ALL_OTHERS)
def stockroom() -> None:
    from stockroom_localstack.doors import gateway
    from stockroom_localstack.lifecycle import early_start, run_directory, service_index, service_loading, unused
    from stockroom_localstack.services import table

    from .state import background, endpoint

    current = settings.current()
    config.GATEWAY_SERVER = "loopback"
    config.LAMBDA_RUNTIME_EXECUTOR = "process"
    for service in table.NAMES:
        config.SERVICE_PROVIDER_CONFIG.set_provider(service, "stockroom")
    service_index.use(current.home)
    service_loading.wait_for_registration()
    unused.make_no_certificate()
    gateway.skip_what_nobody_needs()
    if current.run_dir:
        run_directory.end_emulator_when_gone(current.run_dir)
        endpoint.serve(current.run_dir)
    endpoint.watch_requests()
    background.watch_notifications()
    if current.state and current.proves:
        endpoint.prove(current.state, current.parent, current.services)
    elif current.state:
        endpoint.load_early(current.state, current.parent, current.services)
    else:
        early_start.begin(current.services)
