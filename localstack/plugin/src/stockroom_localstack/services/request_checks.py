"""Refuses requests as AWS does before it looks at what they ask for: what is missing, and values that are no choice.

LocalStack's parser takes whatever comes, and a provider that looks for what has to be there fails with its own fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from botocore.model import ListShape, Shape, StructureShape  # type: ignore[import-untyped]
from localstack.aws.api import CommonServiceException, RequestContext
from localstack.services.plugins import Service

Check = Callable[[Any, str], list[str]]  # of a value and its place: what is wrong


def checked(service: Service) -> Service:
    """The service, with every request looked at first."""
    table = service.skeleton.dispatch_table
    for name, handle in list(table.items()):
        shape = service.skeleton.service.operation_model(name).input_shape
        if check := shape and _check_of(shape):
            table[name] = _checking(check, handle)
    return service


def _checking(check: Check, handle: Any) -> Any:
    def handle_checked(context: RequestContext, request: Any) -> Any:
        if faults := check(request or {}, ""):
            count = f"{len(faults)} validation error{'s' * (len(faults) > 1)} detected"
            raise CommonServiceException("ValidationException", f"{count}: {'; '.join(faults)}", sender_fault=True)
        return handle(context, request)

    return handle_checked


@cache
def _check_of(shape: Shape) -> Check | None:
    """None for a shape that has nothing to be checked."""
    if isinstance(shape, StructureShape):
        return _structure(shape)
    if isinstance(shape, ListShape):
        of_member = _check_of(shape.member)
        return of_member and _each(of_member)
    choices = getattr(shape, "enum", None)
    return _choice(choices) if choices else None


def _structure(shape: StructureShape) -> Check | None:
    required = tuple(shape.required_members)
    members = {name: of_member for name, member in shape.members.items() if (of_member := _check_of(member))}
    if not required and not members:
        return None

    def check(value: Mapping[str, Any], place: str) -> list[str]:
        faults = []
        for name in required:
            if value.get(name) is None:
                faults.append(
                    f"Value null at '{_at(place, name)}' failed to satisfy constraint: Member must not be null"
                )
        if not members:
            return faults
        for name, check_member in members.items():
            if (member := value.get(name)) is not None:
                faults += check_member(member, _at(place, name))
        return faults

    return check


def _each(check: Check) -> Check:
    def check_each(values: Any, place: str) -> list[str]:
        faults: list[str] = []
        for number, value in enumerate(values, 1):
            if check(value, ""):  # its place is seldom needed, and there may be hundreds
                faults += check(value, f"{place}.{number}.member")
        return faults

    return check_each


def _choice(choices: list[str]) -> Check:
    def check(value: Any, place: str) -> list[str]:
        if value in choices:
            return []
        named = f"Member must satisfy enum value set: [{', '.join(choices)}]"
        return [f"Value '{value}' at '{place}' failed to satisfy constraint: {named}"]

    return check


def _at(place: str, name: str) -> str:
    name = name[0].lower() + name[1:]
    return f"{place}.{name}" if place else name
