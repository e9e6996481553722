"""Sizes as people write them in forms: in gigabytes, which are powers of ten."""

from collections.abc import Mapping
from typing import Final

from bmt.contracts.problems import FieldError

BYTES_A_GIGABYTE: Final = 10**9
_DECIMALS: Final = 9


def in_bytes(gigabytes: str) -> int | None:
    """A size as people write it, with a point or a comma, perhaps with its unit, in whole bytes; None: it is none."""
    number = gigabytes[:-2].rstrip() if gigabytes[-2:].casefold() == "gb" else gigabytes
    whole, _, part = number.replace(",", ".").partition(".")
    digits = whole + part
    if not (whole and digits.isascii() and digits.isdigit()):
        return None
    if len(whole) > _DECIMALS or len(part) > _DECIMALS:
        return None
    return int(whole) * BYTES_A_GIGABYTE + int(part.ljust(_DECIMALS, "0"))


def in_gigabytes(size_bytes: int | None) -> str:
    """A size as people write it."""
    if size_bytes is None:
        return ""
    whole, part = divmod(size_bytes, BYTES_A_GIGABYTE)
    return f"{whole}.{part:09}".rstrip("0").rstrip(".")


def read_sizes(typed: Mapping[str, str], faults: list[FieldError]) -> dict[str, int]:
    """The sizes of a form's fields, by field; an empty one asks for nothing, a wrong one is added to the faults."""
    sizes: dict[str, int] = {}
    for name, text in typed.items():
        size = in_bytes(text.strip())
        if size is not None:
            sizes[name] = size
        elif text.strip():
            faults.append(FieldError.of(f"/{name}", "not_gigabytes"))
    return sizes
