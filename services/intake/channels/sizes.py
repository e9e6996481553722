"""Sizes as people write them: `10 GB`, `10000000000`, `1.5 GiB`."""

import re
from decimal import Decimal
from typing import Final

from bmt.contracts.values import LARGEST_EXACT_INTEGER

_UNITS: Final = {
    "": 1, "b": 1, "byte": 1, "bytes": 1, "bait": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
"""2 GB is 2 * 10^9 bytes, as everywhere in this project; GiB is 2^30."""

_SIZE: Final = re.compile(
    r"(\d{1,16}|\d{1,3}(?:[ ,]\d{3}){1,5})(\.\d{1,6})?\s*([a-z]*)\.?", re.IGNORECASE
)


def size_in_bytes(text: str) -> int | None:
    """The whole bytes that `text` says; None when it says none, or could mean several things.

    Groups of three digits may be set apart by commas or spaces; a fraction begins with a point.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    whole, fraction, unit = match.groups(default="")
    if (factor := _UNITS.get(unit.lower())) is None:
        return None
    size = Decimal(re.sub(r"[ ,]", "", whole) + fraction) * factor
    if size != size.to_integral_value() or not 1 <= size <= LARGEST_EXACT_INTEGER:
        return None
    return int(size)
