"""The provider of Step Functions: what of a state machine is stored and refused."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from localstack.aws.api import RequestContext, handler
from localstack.aws.api.stepfunctions import InvalidDefinition
from localstack.services.plugins import Service
from localstack.services.stepfunctions.backend.alias import Alias
from localstack.services.stepfunctions.backend.state_machine import StateMachineInstance, StateMachineRevision
from localstack.services.stepfunctions.provider import StepFunctionsProvider
from localstack.utils.patch import patch

from . import expressions
from .definitions import problems

DEFAULTS = {"tracingConfiguration": {"enabled": False}, "encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}
ATTRIBUTES = {"tracingConfiguration": "tracing_config", "encryptionConfiguration": "encryption_config"}


class StockroomStepFunctionsProvider(StepFunctionsProvider):
    """LocalStack's provider with JSONata, and definitions that are refused as on AWS."""

    def on_after_init(self) -> None:
        super().on_after_init()
        expressions.apply_patches()
        _apply_patches()

    @handler("CreateStateMachine", expand=False)
    def create_state_machine(self, context: RequestContext, request: Any, **options: Any) -> Any:
        answer = super().create_state_machine(context, request, **options)
        _store(self.get_store(context).state_machines[answer["stateMachineArn"]], request)
        return answer

    @handler("UpdateStateMachine", expand=False)
    def update_state_machine(self, context: RequestContext, request: Any) -> Any:  # type: ignore[override]
        machine = self.get_store(context).state_machines.get(request["stateMachineArn"])
        if isinstance(machine, StateMachineRevision):
            _store(machine, request)
            if any(name in request for name in ATTRIBUTES):
                # LocalStack takes a change of nothing else for no change at all.
                request = {"definition": machine.definition, **request}
        return super().update_state_machine(
            context,
            request["stateMachineArn"],
            request.get("definition"),
            request.get("roleArn"),
            request.get("loggingConfiguration"),
            request.get("tracingConfiguration"),
            request.get("publish"),
            request.get("versionDescription"),
        )


def _store(machine: Any, request: Any) -> None:
    """What LocalStack takes and does not tell any more."""
    for name, attribute in ATTRIBUTES.items():
        if request.get(name):
            setattr(machine, attribute, request[name])


@cache
def _apply_patches() -> None:
    # A start by a machine's own name copies it with its aliases, each of which has a lock.
    alias: Any = Alias
    alias.__deepcopy__ = lambda self, _: self

    @patch(StateMachineInstance.describe)
    def describe(original: Any, self: Any) -> Any:
        told = {name: getattr(self, attribute, None) or DEFAULTS[name] for name, attribute in ATTRIBUTES.items()}
        return original(self) | told

    # LocalStack calls this one by its class.
    provider: Any = StepFunctionsProvider
    validate = provider._validate_definition

    def _validate_definition(definition: str, static_analysers: Any) -> None:
        validate(definition, static_analysers)
        if found := problems(json.loads(definition)):
            refusal = InvalidDefinition()
            refusal.message = f"Invalid State Machine Definition: '{', '.join(found)}'"
            raise refusal

    provider._validate_definition = staticmethod(_validate_definition)


def create() -> Service:
    """LocalStack's service with this provider."""
    return Service.for_provider(StockroomStepFunctionsProvider())
