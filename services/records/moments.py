"""Moments that callers name: a time with a zone, or a day in Malaysia."""

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from bmt.agencies.charter import MALAYSIA

D = TypeVar("D", bound=date)

FIRST_YEAR, LAST_YEAR = 1970, 9998
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")


def _within_reach(moment: D) -> D:
    """Times that every zone and the store can write."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"a year from {FIRST_YEAR} to {LAST_YEAR} is needed")
    return moment


def _written_out(moment: object) -> object:
    """Only what is written as a date: a bare number would be read as seconds since 1970."""
    if isinstance(moment, str) and not _DATE.match(moment):
        raise ValueError("a time (RFC 3339) or a day is needed")
    return moment


Past = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_reach)]
Day = Annotated[date, BeforeValidator(_written_out), AfterValidator(_within_reach)]


def midnight(day: date) -> datetime:
    """The first moment of a day in Malaysia."""
    return datetime.combine(day, time(), MALAYSIA)


def begins(moment: datetime | date | None) -> datetime | None:
    """The moment itself; of a day, its first one in Malaysia."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return midnight(moment)


def ends(moment: datetime | date | None) -> datetime | None:
    """The first moment after it that is too late; times are kept in whole milliseconds."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return moment + timedelta(milliseconds=1)
    return midnight(moment + timedelta(days=1))
