"""What a form of the pages asks for: a field that is left empty asks for nothing."""

from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import BeforeValidator

from bmt.contracts.values import NO_CONTROL, AgencyCode, Status
from services.records.moments import Day, begins, ends
from services.records.reading_room import Criteria

T = TypeVar("T")


def _empty_is_nothing(value: object) -> object:
    return None if value == "" else value


Empty: Final = BeforeValidator(_empty_is_nothing)


def criteria(
    q: Annotated[str | None, Query(max_length=200, pattern=NO_CONTROL), Empty] = None,
    agency: Annotated[AgencyCode | None, Empty] = None,
    status: Annotated[Status | None, Empty] = None,
    from_: Annotated[Day | None, Query(alias="from"), Empty] = None,
    to: Annotated[Day | None, Empty] = None,
) -> Criteria:
    """What is searched for."""
    return Criteria(q, agency, status, begins(from_), ends(to))
