"""Sizes as people type them, in gigabytes (powers of ten)."""

from collections.abc import Mapping

from bmt.contracts.problems import FieldError
from bmt.contracts.values import in_gigabytes, size_in_bytes

__all__ = ("in_bytes", "in_gigabytes", "read_sizes")


def in_bytes(gigabytes: str) -> int | None:
    """The typed size, perhaps with a unit, in bytes; None: it is no size, or ambiguous."""
    return size_in_bytes(gigabytes, unit="gb")


def read_sizes(typed: Mapping[str, str], faults: list[FieldError]) -> dict[str, int]:
    """The sizes of a form's fields. Empty fields are left out; wrong ones are added to `faults`."""
    sizes: dict[str, int] = {}
    for name, text in typed.items():
        size = in_bytes(text.strip())
        if size is not None:
            sizes[name] = size
        elif text.strip():
            faults.append(FieldError.of(f"/{name}", "not_gigabytes"))
    return sizes
