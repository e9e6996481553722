"""What a notice is written from: the facts, before they are words."""

from datetime import datetime
from typing import Final

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.events import About
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts


@immutable
class Case:
    """One thing to tell.

    Attributes:
        about: what happened.
        request: the request's facts.
        at: when it happened.
        agency_name: the agency in full.
        decide_days: working days that the client charter gives a decision; None: not promised.
        reason: an administrator's own words.
        quota_bytes: storage asked for or in force.
        max_file_size_bytes: largest file asked for or in force.
        status_address: where the user sees how the request stands; None: nowhere.
    """

    about: About
    request: RequestFacts
    at: datetime
    agency_name: str
    decide_days: int | None = None
    reason: str | None = None
    quota_bytes: int | None = None
    max_file_size_bytes: int | None = None
    status_address: str | None = None

    @property
    def is_termination(self) -> bool:
        """Whether the request ends a service (SOP 4.2)."""
        return self.request.kind == "termination"


# Sizes and dates as people read them.


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
