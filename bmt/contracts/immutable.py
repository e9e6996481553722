"""What is made at each event, and never changed."""

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(cls: type[T]) -> type[T]:
    """A dataclass with slots whose fields nobody sets anew: mypy refuses it, the interpreter does not.

    `frozen=True` would make each one cost four times as much, and there are some twenty at every event of every service.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
