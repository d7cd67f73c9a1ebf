"""What of DynamoDB Local's inside is used from Python, in the process where it runs."""

from __future__ import annotations

from typing import Any


def private(owner: Any, name: str) -> Any:
    """The value of a field, wherever in the class or above it."""
    holder = owner.getClass()
    while name not in {str(field.getName()) for field in holder.getDeclaredFields()}:
        holder = holder.getSuperclass()
    field = holder.getDeclaredField(name)
    field.setAccessible(True)
    return field.get(owner)
