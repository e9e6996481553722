"""What a form of the pages asks for: a field that is left empty asks for nothing."""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import BeforeValidator

from bmt.agencies.register import Agencies
from bmt.contracts.values import NO_CONTROL, AgencyCode, Status
from services.records.as_of import Day, begins, ends
from services.records.audited_queries import Criteria
from services.records.domain.commands import Reader

# Where the auditor's pages are.

PREFIX: Final = "/audit"


def verification(public_url: str, request_id: str) -> str:
    """Where a file is verified by whoever may see it: a paper's QR code leads there."""
    return f"{public_url.rstrip('/')}{PREFIX}/records/{request_id}/verification"


# Which agencies a reader may choose from, and what they are called.


def agencies_of(reader: Reader, agencies: Agencies) -> Mapping[str, str]:
    """Codes with names: the reader's own agency, or all of them."""
    if reader.agency is not None:
        return {reader.agency: agencies.name_of(reader.agency)}
    codes = sorted(agency.code for agency in agencies)
    return {code: agencies.name_of(code) for code in codes}


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
