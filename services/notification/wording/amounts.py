"""Sizes and dates as people read them."""

from datetime import datetime
from typing import Final

from bmt.agencies.charter import MALAYSIA

_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_MALAY_MONTHS: Final = (
    "Januari", "Februari", "Mac", "April", "Mei", "Jun",
    "Julai", "Ogos", "September", "Oktober", "November", "Disember",
)  # fmt: skip
_ENGLISH_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def size(size_bytes: int, word_for_bytes: str) -> str:
    """A size in decimal units, and exactly: `10 GB (10,000,000,000 bait)`."""
    exactly = f"{size_bytes:,} {word_for_bytes}"
    for factor, unit in _UNITS:
        if size_bytes >= factor:
            rounded = f"{size_bytes / factor:.2f}".rstrip("0").rstrip(".")
            return f"{rounded} {unit} ({exactly})"
    return exactly


def malay_date(moment: datetime) -> str:
    """The day in Malaysia: `24 November 2026`."""
    return _date(moment, _MALAY_MONTHS)


def english_date(moment: datetime) -> str:
    """The day in Malaysia: `24 November 2026`."""
    return _date(moment, _ENGLISH_MONTHS)


def _date(moment: datetime, months: tuple[str, ...]) -> str:
    local = moment.astimezone(MALAYSIA)
    return f"{local.day} {months[local.month - 1]} {local.year}"
