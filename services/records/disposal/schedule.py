"""How long a file keeps a person's data, and which files must keep it now."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from bmt.agencies.register import Agencies
from services.records.domain.disposals import Blocker
from services.records.domain.state import DesignatedFile, State

_LEAP_DAY: Final = 29


def blockers(files: Mapping[str, State], agencies: Agencies, now: datetime) -> Iterator[Blocker]:
    """Those of the files that must keep their data, by request."""
    for request_id, file in files.items():
        if isinstance(file, DesignatedFile) and file.filed_at is not None:
            until = kept_until(file.filed_at, years_of(file.request.agency, agencies))
            if file.holds:
                yield Blocker(request_id, "held")
            elif until is None or until > now:
                yield Blocker(request_id, "kept", until)
        else:
            yield Blocker(request_id, "open")


def years_of(agency: str, agencies: Agencies) -> int | None:
    """An agency's retention, in years; None where nothing is known of the agency: for ever."""
    return agencies.get(agency).rules.record_retention_years if agency in agencies else None


def kept_until(filed_at: datetime, years: int | None) -> datetime | None:
    """When the time of a file is over; None: never."""
    if years is None:
        return None
    day = 28 if (filed_at.month, filed_at.day) == (2, _LEAP_DAY) else filed_at.day
    return filed_at.replace(year=filed_at.year + years, day=day)
