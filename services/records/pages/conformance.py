"""The report on a period as a page, and the ways to take it away."""

from datetime import date, timedelta
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.records import ConformanceReport
from bmt.contracts.values import AgencyCode
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.records.access import reader_of
from services.records.as_of import Day, midnight
from services.records.conformance.examination import Examination
from services.records.conformance.forms import Forms
from services.records.conformance.report import Period
from services.records.domain.commands import Reader
from services.records.pages import wording
from services.records.pages.asked import Empty, agencies_of

ADDRESS: Final = "/conformance"

From = Annotated[Day, Query(alias="from")]
To = Annotated[Day, Query(alias="to")]


def routes(
    examination: Examination,
    forms: Forms,
    agencies: Agencies,
    layout: Layout,
    admitted: Admitted,
    clock: Clock,
) -> APIRouter:
    """The page, and the report as CSV and on paper."""
    routes = APIRouter()
    caller = Depends(admitted)

    async def report(reader: Reader, agency: str, first: date, last: date) -> ConformanceReport:
        period = Period(agency, midnight(first), midnight(last + timedelta(days=1)))
        return await examination.report(reader, period)

    @routes.get(ADDRESS)
    async def conformance(
        request: Request,
        visitor: Annotated[Principal, caller],
        agency: Annotated[AgencyCode | None, Empty] = None,
        first: Annotated[Day | None, Query(alias="from"), Empty] = None,
        last: Annotated[Day | None, Query(alias="to"), Empty] = None,
    ) -> Response:
        reader = reader_of(visitor)
        made = None
        if agency and first and last:
            made = await report(reader, agency, first, last)
        today = clock().astimezone(MALAYSIA).date()
        first, last = first or today.replace(day=1), last or today
        query = urlencode({"agency": agency or "", "from": first, "to": last})
        return layout.page(
            request,
            "conformance.html",
            made=made,
            agency=agency,
            first=first.isoformat(),
            last=last.isoformat(),
            agencies=agencies_of(reader, agencies),
            other={form: f"{layout.prefix}{ADDRESS}/{form}?{query}" for form in ("csv", "pdf")},
            wording=wording,
        )

    @routes.get(f"{ADDRESS}/{{form}}")
    async def taken_away(
        form: Literal["csv", "pdf"],
        visitor: Annotated[Principal, caller],
        agency: AgencyCode,
        first: From,
        last: To,
    ) -> Response:
        made = await report(reader_of(visitor), agency, first, last)
        return await forms.answer(form, made, first, last)

    return routes
