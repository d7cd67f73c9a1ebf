"""Metrics, which CloudWatch keeps in a database of its own, and alarms, which are evaluated again."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from localstack.services.cloudwatch.models import cloudwatch_stores

from stockroom_localstack.state.gate import GATE
from stockroom_localstack.state.hooks import StateHooks

METRICS = "metrics.db"
BETWEEN_ALARMS_SECONDS = 0.1


class CloudWatchHooks(StateHooks):
    """Metrics are copied, alarms scheduled anew."""

    has_data = True

    def save_data(self, provider: Any, folder: Path) -> None:
        _copy(provider, Path(provider.cloudwatch_database.METRICS_DB), folder / METRICS)

    def load_data(self, provider: Any, folder: Path | None) -> None:
        if folder:
            _copy(provider, folder / METRICS, Path(provider.cloudwatch_database.METRICS_DB))
        else:
            provider.cloudwatch_database.clear_tables()

    def resume(self, provider: Any) -> None:
        scheduler = provider.alarm_scheduler
        for arn in list(scheduler.scheduled_alarms):
            scheduler.delete_scheduler_for_alarm(arn)
        arns = [arn for _, _, store in cloudwatch_stores.iter_stores() for arn in store.alarms]

        # Each is evaluated at once, with several requests; the first users after a start have better use for the
        # processor.
        def schedule() -> None:
            GATE.wait_for_pause()
            for arn in arns:
                time.sleep(BETWEEN_ALARMS_SECONDS)
                scheduler.schedule_metric_alarm(arn)

        threading.Thread(target=schedule, name="schedule-alarms", daemon=True).start()


def _copy(provider: Any, source: Path, target: Path) -> None:
    with (
        provider.cloudwatch_database.DATABASE_LOCK,
        closing(sqlite3.connect(source)) as whole,
        closing(sqlite3.connect(target)) as copy,
    ):
        whole.backup(copy)


HOOKS = CloudWatchHooks()
