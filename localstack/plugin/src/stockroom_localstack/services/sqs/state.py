"""Receivers that wait are sent away, and redrives go on."""

from __future__ import annotations

from typing import Any

from localstack.services.sqs.models import MessageMoveTaskStatus, sqs_stores

from stockroom_localstack.state.hooks import StateHooks


class SqsHooks(StateHooks):
    """Receivers are sent away, redrives go on."""

    def before_replacing(self, provider: Any) -> None:
        for _, _, store in list(sqs_stores.iter_stores()):
            for queue in list(store.queues.values()):
                queue.shutdown()

    def resume(self, provider: Any) -> None:
        manager = provider._message_move_task_manager
        manager.move_tasks.clear()
        for _, _, store in sqs_stores.iter_stores():
            for task in store.move_tasks.values():
                if task.status in (MessageMoveTaskStatus.RUNNING, MessageMoveTaskStatus.CANCELLING):
                    manager.move_tasks[task.task_id] = task
                    manager.executor.submit(manager._run, task)


HOOKS = SqsHooks()
