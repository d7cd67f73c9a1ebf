"""What of DynamoDB Local's inside is used from Python, in the process where it runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jpype

SHARED = "software.amazon.dynamodb.services.local.shared"
MODEL = "software.amazon.awssdk.services.dynamodb.model"


def private(owner: Any, name: str) -> Any:
    """Return the value of a private field, which may be declared in the class or in one above it."""
    holder = owner.getClass()
    while name not in {str(field.getName()) for field in holder.getDeclaredFields()}:
        holder = holder.getSuperclass()
    field = holder.getDeclaredField(name)
    field.setAccessible(True)
    return field.get(owner)


def some_of(item: Any, names: Iterable[Any]) -> Any:
    """Return these attributes of an item, such as those of its key."""
    some = jpype.java.util.HashMap()
    for name in names:
        some.put(name, item.get(name))
    return some
