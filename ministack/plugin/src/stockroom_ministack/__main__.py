"""Starts MiniStack with everything patched: `python -m stockroom_ministack`."""

import asyncio
import os
import signal

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app

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
    for module in PATCHED:
        module.patch()
    # At once, whatever its threads are at: the world is in memory and ends anyway.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.loglevel = app.LOG_LEVEL
    asyncio.run(serve(app.app, config, shutdown_trigger=asyncio.Event().wait))


main()
