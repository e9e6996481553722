"""Sizes as people write them: `10 GB`, `1.5 GiB`, `1,5 GB`, `10,000 MB`, `20 gigabait`.

A point or a comma sets thousands apart in one country and begins a fraction in the next. Where both readings
make sense, and differ, none is chosen: a person asks.
"""

import re
from decimal import Decimal
from typing import Final

from bmt.contracts.values import LARGEST_EXACT_INTEGER

_NAMES: Final = {
    "": ("b", "byte", "bytes", "bait"),
    "k": ("kb", "k", "kilobyte", "kilobytes", "kilobait"),
    "m": ("mb", "m", "mega", "megabyte", "megabytes", "megabait"),
    "g": ("gb", "g", "gig", "giga", "gigabyte", "gigabytes", "gigabait"),
    "t": ("tb", "t", "tera", "terabyte", "terabytes", "terabait"),
}
_BINARY: Final = {
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
    "kibibyte": 2**10, "mebibyte": 2**20, "gibibyte": 2**30, "tebibyte": 2**40,
    "kibibytes": 2**10, "mebibytes": 2**20, "gibibytes": 2**30, "tebibytes": 2**40,
}  # fmt: skip
_UNITS: Final = _BINARY | {
    name: 1000**power for power, names in enumerate(_NAMES.values()) for name in names
}
"""2 GB is 2 * 10^9 bytes, as everywhere in this project; GiB is 2^30."""

_LEAST_WITHOUT_UNIT: Final = 10**6
"""`Kuota: 20` is not 20 bytes; what is written to the byte has many digits."""

_SIZE: Final = re.compile(r"([0-9][0-9., ]{0,30})\s*([a-z]{0,12})\.?", re.IGNORECASE)
_GROUP: Final = "[1-9][0-9]{0,2}"
_MEANT: Final = re.compile(
    rf"""(?P<whole> [0-9]+ | {_GROUP}(?:,[0-9]{{3}})+ | {_GROUP}(?:[ ][0-9]{{3}})+ | {_GROUP}(?:\.[0-9]{{3}}){{2,}} )
      | (?P<point>
            0+\.[0-9]{{1,9}}                      # 0.500
          | [0-9]{{4,}}\.[0-9]{{1,9}}              # 1500.250
          | [0-9]+\.(?:[0-9]{{1,2}}|[0-9]{{4,9}})  # 1.5, but not 1.500
          | {_GROUP}(?:,[0-9]{{3}})+\.[0-9]{{1,9}} # 1,500.25
          | {_GROUP}(?:[ ][0-9]{{3}})+\.[0-9]{{1,9}} )
      | (?P<comma>
            0+,[0-9]{{1,9}}                       # 0,500
          | [0-9]+,[0-9]{{1,2}}                   # 1,5, but 1,500 is grouped
          | {_GROUP}(?:\.[0-9]{{3}})+,[0-9]{{1,2}} # 1.500,25
          | {_GROUP}(?:[ ][0-9]{{3}})+,[0-9]{{1,9}} )
    """,
    re.VERBOSE,
)
"""What the digits and signs of a number can mean in one way alone; `1.500` is not among them."""

_BYTES_A_GIGABYTE: Final = 10**9
_DIGITS_OF_A_GROUP: Final = 3

_FULL_WIDTH: Final = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | dict.fromkeys(
    (0x3000, 0xA0, 0x2009, 0x202F), " "
)
"""Letters, digits and signs of East Asian keyboards, and spaces that do not break.

Nothing else is made plainer than it is: `10⁹` is not 109.
"""


def size_in_bytes(text: str, *, unit: str = "") -> int | None:
    """The whole bytes that `text` says; None when it says none, or could mean several things.

    `unit` is that of a number without one; empty: it is bytes, and where so few make no sense, nothing.
    """
    match = _SIZE.fullmatch(text.translate(_FULL_WIDTH).strip())
    if match is None:
        return None
    named = (match[2] or unit).lower()
    number, factor = _number(match[1].strip()), _UNITS.get(named, 1)
    if number is None or (named and named not in _UNITS):
        return None
    size = number * factor
    if size != size.to_integral_value() or not 1 <= size <= LARGEST_EXACT_INTEGER:
        return None
    return int(size) if named or size >= _LEAST_WITHOUT_UNIT else None


def in_gigabytes(size_bytes: int | None) -> str:
    """The size as people type it, in gigabytes, which `size_in_bytes` reads."""
    if size_bytes is None:
        return ""
    whole, part = divmod(size_bytes, _BYTES_A_GIGABYTE)
    decimals = f"{part:09}".rstrip("0")
    # Three digits after a point could be a thousands group, so 1.234 is written 1.2340.
    if whole and len(decimals) == _DIGITS_OF_A_GROUP:
        decimals += "0"
    return f"{whole}.{decimals}".rstrip(".")


def _number(written: str) -> Decimal | None:
    """The one number that is meant; None where there are several, or none."""
    meant = _MEANT.fullmatch(written)
    if meant is None:
        return None
    if meant["comma"]:
        whole, _, part = written.partition(",")
    elif meant["point"]:
        whole, _, part = written.partition(".")
    else:
        whole, part = written, "0"
    return Decimal(re.sub(r"[., ]", "", whole) + "." + part)
