"""Lambda: what runs is stopped before its state is replaced, and what was loaded is started.

LocalStack's own way makes every function anew, one after the other: with new revisions, and without the asynchronous
invocations that were waiting.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from localstack.aws.api.lambda_ import State
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState, EsmWorker
from localstack.services.lambda_.event_source_mapping.esm_worker_factory import EsmWorkerFactory
from localstack.services.lambda_.invocation.event_manager import LambdaEventManager
from localstack.services.lambda_.invocation.internal_sqs_queue import get_fake_sqs_client
from localstack.services.lambda_.invocation.lambda_models import Function, FunctionVersion
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.services.lambda_.invocation.models import LambdaStore, lambda_stores
from localstack.services.lambda_.invocation.version_manager import LambdaVersionManager
from localstack.services.lambda_.provider import LambdaProvider
from localstack.services.lambda_.provider_utils import get_function_version_from_arn
from localstack.services.sqs.models import SqsMessage, SqsQueue, sqs_stores

from stockroom_localstack import settings
from stockroom_localstack.services.lambda_.event_sources import stream_progress
from stockroom_localstack.services.sqs import receiving
from stockroom_localstack.state.gate import GATE
from stockroom_localstack.state.hooks import Root, StateHooks
from stockroom_localstack.state.running import provider as provider_of

from .executor import ProcessRuntimeExecutor

LOG = logging.getLogger(__name__)

STOP_SECONDS = 3.0


class LambdaHooks(StateHooks):
    """What runs is cut off, what was loaded is started."""

    def roots(self, provider: Any) -> dict[str, Root]:
        return {"queues of asynchronous invocations": get_fake_sqs_client().queue_manager.queues}

    def is_settled(self, provider: Any) -> bool:
        """Whether no message waits in a queue that functions are called for."""
        sources = {
            mapping["EventSourceArn"]
            for store in _stores()
            for mapping in list(store.event_source_mappings.values())
            if mapping.get("State") != "Disabled"
        }
        return not provider_of("sqs") or not any(
            queue.approximate_number_of_messages
            + queue.approximate_number_of_messages_not_visible
            + queue.approximate_number_of_messages_delayed
            for _, _, store in list(sqs_stores.iter_stores())
            for queue in list(store.queues.values())
            if queue.arn in sources
        )

    def before_replacing(self, provider: Any) -> None:
        _stop(provider)

    def resume(self, provider: Any) -> None:
        _start(provider)


def _stop(provider: LambdaProvider) -> None:
    """Cut off what runs. Returns when the threads of event sources and asynchronous invocations have ended, or in
    time."""
    workers, provider.esm_workers = list(provider.esm_workers.values()), {}
    for worker in workers:
        worker.stop_for_shutdown()
    service = provider.lambda_service
    event_managers: Any = service.event_managers  # LocalStack says that it is a type
    for manager in event_managers.values():
        if manager.poller:
            manager.poller._shutdown_event.set()
    for queue in list(get_fake_sqs_client().queue_manager.queues.values()):
        queue.shutdown()
    for environments in list(service.assignment_service.environments.values()):
        for environment in list(environments.values()):
            executor = environment.runtime_executor
            if isinstance(executor, ProcessRuntimeExecutor):
                executor.cut_off()
    service.stop()
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        if worker._poller_thread:
            worker._poller_thread.join(max(deadline - time.monotonic(), 0))


def _start(provider: LambdaProvider) -> None:
    """Start what the loaded stores hold. The code of functions is unpacked later, or when a function is invoked."""
    queues = get_fake_sqs_client().queue_manager
    queues.queue_update_worker.queues[:] = queues.queues.values()
    _give_back_messages(queues.queues.values())
    stream_progress.mark_as_loaded()
    provider.router.lambda_service = provider.lambda_service = service = LambdaService()
    for store in _stores():
        _finish_deletions(store)
        for function in store.functions.values():
            for version in list(function.versions.values()):
                _start_version(service, function, version)
    provider.esm_workers = workers = Workers()
    start_workers = GATE.handed_over(workers.start)  # a state that is saved has all of them
    if settings.current().proves:
        return

    # What was on its way goes on, which takes both cores for seconds.
    def go_on() -> None:
        GATE.wait_for_pause()
        _provision_all(service)
        threading.Thread(target=_unpack_all, name="unpack-functions", daemon=True).start()
        start_workers()

    threading.Thread(target=go_on, name="load-event-sources", daemon=True).start()


class Workers(dict[str, EsmWorker]):
    """The workers of event source mappings, by UUID.

    Starting them takes longer than all else that is loaded, so a thread does it. Whoever looks for one waits until
    all are there.
    """

    def __init__(self) -> None:
        self._started = threading.Event()

    def start(self) -> None:
        mappings = [mapping for store in _stores() for mapping in list(store.event_source_mappings.values())]
        try:
            with ThreadPoolExecutor(max_workers=8, thread_name_prefix="load-event-sources") as pool:
                self.update({worker.uuid: worker for worker in pool.map(_start_worker, mappings) if worker})
        finally:
            self._started.set()

    def get(self, *args: Any) -> Any:
        self._started.wait()
        return super().get(*args)

    def pop(self, *args: Any) -> Any:
        self._started.wait()
        return super().pop(*args)

    def values(self) -> Any:
        self._started.wait()
        return super().values()


def _stores() -> Iterator[LambdaStore]:
    for _, _, store in list(lambda_stores.iter_stores()):
        yield store


def _give_back_messages(of_asynchronous_invocations: Iterable[SqsQueue]) -> None:
    """What was in the hands of functions that were under way: it has not been received."""
    for queue in of_asynchronous_invocations:
        _give_back(queue, queue.inflight)
    for _, _, store in list(sqs_stores.iter_stores()):
        for queue in list(store.queues.values()):
            handles = receiving.in_hand.get(queue.arn, ())
            _give_back(queue, [queue.receipts[handle] for handle in handles if handle in queue.receipts])
    receiving.in_hand.clear()


def _give_back(queue: SqsQueue, messages: Iterable[SqsMessage]) -> None:
    with queue.mutex:
        for message in [message for message in queue.inflight if message in messages]:
            message.visibility_deadline = None
            del queue.inflight[message]
            queue._put_message(message)
            # Not before: in a FIFO queue, what was never received has to wait for what is in flight of its group.
            message.receive_count -= 1
            attributes: Any = message.message["Attributes"]
            attributes["ApproximateReceiveCount"] = str(message.receive_count)


def _finish_deletions(store: LambdaStore) -> None:
    """What a thread was about to do half a second later."""
    for name, function in list(store.functions.items()):
        for qualifier, version in list(function.versions.items()):
            if version.config.state.state == State.Deleting:
                del function.versions[qualifier]
        if not function.versions:
            del store.functions[name]
    for uuid, mapping in list(store.event_source_mappings.items()):
        if mapping.get("State") == EsmState.DELETING:
            del store.event_source_mappings[uuid]


def _start_version(service: LambdaService, function: Function, version: FunctionVersion) -> None:
    if version.config.state.state == State.Pending:
        service.create_function_version(version)
        return
    if version.config.state.state != State.Active:
        return
    arn = version.id.qualified_arn()
    manager = LambdaVersionManager(
        function_arn=arn,
        function_version=version,
        function=function,
        counting_service=service.counting_service,
        assignment_service=service.assignment_service,
    )
    manager.log_handler.start_subscriber()
    manager.state = version.config.state
    service.lambda_running_versions[arn] = manager
    event_managers: Any = service.event_managers
    event_managers[arn] = LambdaEventManager(version_manager=manager)
    event_managers[arn].start()


def _provision_all(service: LambdaService) -> None:
    for store in _stores():
        for function in list(store.functions.values()):
            try:
                _provision(service, function)
            except Exception as error:
                LOG.error("could not provision %s: %s", function.function_name, error, exc_info=True)


def _provision(service: LambdaService, function: Function) -> None:
    for qualifier, wanted in function.provisioned_concurrency_configs.items():
        alias = function.aliases.get(qualifier)
        version = function.versions[alias.function_version if alias else qualifier]
        manager = service.get_lambda_version_manager(version.id.qualified_arn())
        manager.update_provisioned_concurrency_config(wanted.provisioned_concurrent_executions)


def _start_worker(mapping: Any) -> EsmWorker | None:
    try:
        role = get_function_version_from_arn(mapping["FunctionArn"]).config.role
        enabled = mapping.get("State", EsmState.DISABLED) not in (EsmState.DISABLED, EsmState.DISABLING)
        worker: EsmWorker = EsmWorkerFactory(mapping, role, enabled).get_esm_worker()
        worker.create()
    except Exception as error:
        LOG.error("could not start the event source mapping %s: %s", mapping["UUID"], error, exc_info=True)
        return None
    return worker


def _unpack_all() -> None:
    for store in _stores():
        for function in list(store.functions.values()):
            for version in list(function.versions.values()):
                try:
                    ProcessRuntimeExecutor.prepare_version(version)
                except Exception as error:
                    LOG.warning("could not unpack the code of %s: %s", version.id.qualified_arn(), error)


HOOKS = LambdaHooks()
