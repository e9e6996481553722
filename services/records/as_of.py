"""Points in time in queries: a time with a zone, or a day in Malaysia."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.faults import wrong

D = TypeVar("D", bound=date)

FIRST_YEAR, LAST_YEAR = 1970, 9998
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _within_reach(moment: D) -> D:
    """Restricts years to those that every zone and the store can represent."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise wrong("year_out_of_reach", first=FIRST_YEAR, last=LAST_YEAR)
    return moment


def _written_out(moment: object) -> object:
    """Accepts only text: pydantic would read a bare number as seconds since 1970."""
    if isinstance(moment, str) and not _DATE.match(moment):
        raise wrong("not_a_time_or_day")
    return moment


def _written_as_day(day: object) -> object:
    """As `_written_out`, for a day."""
    if isinstance(day, str) and not _DATE.match(day):
        raise wrong("not_a_day")
    return day


Past = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_reach)]
Day = Annotated[date, BeforeValidator(_written_as_day), AfterValidator(_within_reach)]


def midnight(day: date) -> datetime:
    """The start of a day in Malaysia."""
    return datetime.combine(day, time(), MALAYSIA)


def begins(moment: datetime | date | None) -> datetime | None:
    """The moment itself; for a day, its start in Malaysia."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return midnight(moment)


def ends(moment: datetime | date | None) -> datetime | None:
    """The first moment that is too late. Times are kept in whole milliseconds."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return moment + timedelta(milliseconds=1)
    return midnight(moment + timedelta(days=1))
