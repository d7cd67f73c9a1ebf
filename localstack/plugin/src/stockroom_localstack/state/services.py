"""What services have to do beside their stores before and after their state is replaced."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

from localstack.services.plugins import SERVICE_PLUGINS

from .gate import GATE
from .roots import provider

BETWEEN_ALARMS_SECONDS = 0.1


def before_replacing() -> None:
    if lambda_ := provider("lambda"):
        from stockroom_localstack.services.lambda_ import state as functions

        functions.stop(lambda_)
    if provider("sqs"):
        _interrupt_receivers()


def why_not_saved() -> str | None:
    """What runs at the moment and could not go on in another emulator."""
    if provider("stepfunctions"):
        from localstack.services.stepfunctions.backend.store import sfn_stores

        for _, _, store in list(sfn_stores.iter_stores()):
            for arn, execution in list(store.executions.items()):
                if execution.exec_status == "RUNNING":
                    return f"an execution of Step Functions is running: {arn}"
    if (firehose := provider("firehose")) and firehose.kinesis_listeners:
        return f"Firehose reads a Kinesis stream for {next(iter(firehose.kinesis_listeners))}"
    return None


def after_replacing() -> None:
    for service, action in AFTERWARDS.items():
        if found := provider(service):
            action(found)


def _interrupt_receivers() -> None:
    from localstack.services.sqs.models import sqs_stores

    for _, _, store in list(sqs_stores.iter_stores()):
        for queue in list(store.queues.values()):
            queue.shutdown()


def _schedule_alarms(cloudwatch: Any) -> None:
    from localstack.services.cloudwatch.models import cloudwatch_stores

    scheduler = cloudwatch.alarm_scheduler
    for arn in list(scheduler.scheduled_alarms):
        scheduler.delete_scheduler_for_alarm(arn)
    arns = [arn for _, _, store in cloudwatch_stores.iter_stores() for arn in store.alarms]

    # Each is evaluated at once, with several requests; the first users after a start have better use for the processor.
    def schedule() -> None:
        GATE.wait_for_pause()
        for arn in arns:
            time.sleep(BETWEEN_ALARMS_SECONDS)
            scheduler.schedule_metric_alarm(arn)

    threading.Thread(target=schedule, name="schedule-alarms", daemon=True).start()


def _go_on_with_events(events: Any) -> None:
    events.go_on()


def _go_on_with_schedules(scheduler: Any) -> None:
    scheduler.go_on()


def _continue_redrives(sqs: Any) -> None:
    from localstack.services.sqs.models import MessageMoveTaskStatus, sqs_stores

    manager = sqs._message_move_task_manager
    manager.move_tasks.clear()
    for _, _, store in sqs_stores.iter_stores():
        for task in store.move_tasks.values():
            if task.status in (MessageMoveTaskStatus.RUNNING, MessageMoveTaskStatus.CANCELLING):
                manager.move_tasks[task.task_id] = task
                manager.executor.submit(manager._run, task)


def _forget_cors_rules(s3: Any) -> None:
    from . import objects

    s3._cors_handler.invalidate_cache()
    s3._expiration_cache.clear()
    objects.make_folders(s3._storage_backend)


def _start_functions(lambda_: Any) -> None:
    from stockroom_localstack.services.lambda_ import state as functions

    functions.start(lambda_)


# In this order: functions and redrives begin to work at once.
AFTERWARDS: dict[str, Callable[[Any], None]] = {
    "s3": _forget_cors_rules,
    "cloudwatch": _schedule_alarms,
    "sqs": _continue_redrives,
    "events": _go_on_with_events,
    "scheduler": _go_on_with_schedules,
    "lambda": _start_functions,
}


def import_ssm_without_ec2() -> None:
    """moto's SSM imports its EC2, to look for the instances that a command is sent to. That reads the descriptions of
    all types of instances, which takes longer than all the rest of reading the stores."""
    if "moto.ssm" in sys.modules or "moto.ec2" in sys.modules:
        return

    class Later:
        def __getitem__(self, account_id: str) -> Any:
            from moto.ec2.models import ec2_backends

            return ec2_backends[account_id]

    stand_in: Any = ModuleType("moto.ec2")
    stand_in.ec2_backends = Later()
    sys.modules["moto.ec2"] = stand_in
    try:
        import moto.ssm.models  # noqa: F401
    finally:
        del sys.modules["moto.ec2"]


def start(names: list[str]) -> None:
    for name in names:
        SERVICE_PLUGINS.require(name)
