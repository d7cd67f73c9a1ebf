"""Gives event source mappings the pollers of this package."""

from __future__ import annotations

import logging
from typing import Any

from localstack.services.lambda_.event_source_mapping import esm_worker_factory
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState, EsmWorker
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.utils.patch import patch

from .queue_pollers import QueuePoller
from .stream_pollers import CheckpointedDynamoDBPoller, CheckpointedKinesisPoller, CheckpointedPoller

LOG = logging.getLogger(__name__)


def apply_patches() -> None:
    """Give mappings our pollers. LocalStack makes its own by name, and tells them neither all of the mapping nor when
    to stop."""
    vars(esm_worker_factory).update(
        SqsPoller=QueuePoller, KinesisPoller=CheckpointedKinesisPoller, DynamoDBPoller=CheckpointedDynamoDBPoller
    )
    newest: dict[str, EsmWorker] = {}

    @patch(EsmWorkerFactory.get_esm_worker)
    def get_esm_worker(original: Any, self: EsmWorkerFactory) -> EsmWorker:
        worker: EsmWorker = original(self)
        if isinstance(worker.poller, QueuePoller | CheckpointedPoller):
            worker.poller.configure(self.esm_config, worker._shutdown_event)
        newest[worker.uuid] = worker
        return worker

    # A change makes a new worker and stops the old one, which took its own end for the state of the mapping.
    @patch(EsmWorker.update_esm_state_in_store)
    def update_esm_state_in_store(original: Any, self: EsmWorker, new_state: EsmState) -> None:
        if newest.get(self.uuid) is self:
            if new_state == EsmState.ENABLED and isinstance(self.poller, CheckpointedPoller):
                try:
                    self.poller.begin()
                except Exception as error:  # its loop tries it again, and again
                    LOG.info("the event source mapping %s can't begin yet: %s", self.uuid, error)
            original(self, new_state)
