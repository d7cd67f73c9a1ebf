"""What EventBridge's provider keeps, and rules that go on firing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localstack.services.events.archive import ArchiveService
from localstack.services.events.target import TargetSender

from stockroom_localstack.state.hooks import Reducer, StateHooks


class EventsHooks(StateHooks):
    """What the provider keeps is saved; rules and retries go on."""

    saved_attributes = (
        "_event_bus_services_store",
        "_rule_services_store",
        "_target_sender_store",
        "_archive_service_store",
        "_replay_service_store",
        "_connection_service_store",
        "_api_destination_service_store",
    )

    def reducers(self) -> Mapping[type, Reducer]:
        # Both have a client: the first makes it when it is used.
        return {
            TargetSender: lambda sender: (object.__new__, (type(sender),), {**vars(sender), "_client": None}),
            ArchiveService: lambda service: (
                object.__new__,
                (ArchiveService,),
                {**vars(service), "client": None},
                *(None, None, _fill_archive),
            ),
        }

    def resume(self, provider: Any) -> None:
        provider.resume()


def _fill_archive(service: Any, attributes: dict[str, Any]) -> None:
    vars(service).update(attributes)
    service.client = service._initialize_client()


HOOKS = EventsHooks()
