"""Starts MiniStack with everything patched: `python -m stockroom_ministack`."""

import asyncio
import os
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app
from stockroom_emulation.admission import Policy
from stockroom_emulation.open_files import raise_file_limit

from stockroom_ministack import (
    alarm_xml,
    alarms,
    cost_explorer,
    kinesis_tags,
    lambda_api,
    lambda_metrics,
    lambda_runtimes,
    policy_simulator,
    queue_moves,
    s3_keys,
    secrets,
    stream_mappings,
)
from stockroom_ministack.guard import Guard

PATCHED = (
    alarm_xml,
    alarms,
    cost_explorer,
    kinesis_tags,
    lambda_api,
    lambda_metrics,
    lambda_runtimes,
    policy_simulator,
    queue_moves,
    s3_keys,
    secrets,
    stream_mappings,
)


def main() -> None:
    """Patch MiniStack and serve it until the process is told to end."""
    for module in PATCHED:
        module.patch()
    # At once, whatever its threads are at: the world is in memory and ends anyway.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    raise_file_limit()
    port = int(os.environ["GATEWAY_PORT"])
    origins = os.environ.get("STOCKROOM_MINISTACK_ALLOWED_ORIGINS", "").split(",")
    guard = Guard(app.app, Policy(port, frozenset(filter(None, origins))))
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{port}"]
    config.keep_alive_timeout = 75
    config.loglevel = app.LOG_LEVEL
    asyncio.run(serve(guard, config, shutdown_trigger=asyncio.Event().wait))  # type: ignore[arg-type]  # ASGI, less exact


main()
