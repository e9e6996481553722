"""A point in time in a query."""

import re
from datetime import date
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from bmt.contracts.faults import wrong

D = TypeVar("D", bound=date)

FIRST_YEAR, LAST_YEAR = 1970, 9998
DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
"""How a time and a day begin."""


def within_reach(moment: D) -> D:
    """Restricts years to those that every zone and the store can represent."""
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise wrong("year_out_of_reach", first=FIRST_YEAR, last=LAST_YEAR)
    return moment


def _written_out(moment: object) -> object:
    """Accepts only text: pydantic would read a bare number as seconds since 1970."""
    if isinstance(moment, str) and not DATE.match(moment):
        raise wrong("not_a_time_or_day")
    return moment


QueryTime = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(within_reach)]
