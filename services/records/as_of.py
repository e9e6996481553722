"""Points in time in queries: a time with a zone, or a day in Malaysia."""

from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.http.routes import DATE, within_reach
from bmt.contracts.faults import wrong


def _written_as_day(day: object) -> object:
    """As of a `QueryTime`, of a day."""
    if isinstance(day, str) and not DATE.match(day):
        raise wrong("not_a_day")
    return day


Day = Annotated[date, BeforeValidator(_written_as_day), AfterValidator(within_reach)]


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
