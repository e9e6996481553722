"""Sizes as people type them, in gigabytes (powers of ten)."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.problems import FieldError
from bmt.contracts.sizes import size_in_bytes

BYTES_A_GIGABYTE: Final = 10**9
_GROUP: Final = 3


def in_bytes(gigabytes: str) -> int | None:
    """The typed size, perhaps with a unit, in bytes; None: it is no size, or ambiguous."""
    return size_in_bytes(gigabytes, unit="gb")


def in_gigabytes(size_bytes: int | None) -> str:
    """The size as people type it, which `in_bytes` reads."""
    if size_bytes is None:
        return ""
    whole, part = divmod(size_bytes, BYTES_A_GIGABYTE)
    decimals = f"{part:09}".rstrip("0")
    # Three digits after a point could be a thousands group, so 1.234 is written 1.2340.
    if whole and len(decimals) == _GROUP:
        decimals += "0"
    return f"{whole}.{decimals}".rstrip(".")


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
