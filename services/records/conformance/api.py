"""Conformance over HTTP."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.openapi import problems
from bmt.contracts.http.records import ConformanceReport
from bmt.contracts.values import AgencyCode
from services.records.access import reader_of
from services.records.as_of import Day, midnight
from services.records.conformance.examination import Examination
from services.records.conformance.forms import Form, Forms
from services.records.conformance.report import Period

Caller = Annotated[Principal, Depends(require("auditor", "administrator"))]


def routes(examination: Examination, forms: Forms) -> APIRouter:
    """The route of reports."""
    routes = api_router(tags=["records"])

    @routes.get(
        "/v1/conformance",
        summary="Every request of a period held against the steps of the procedure",
        response_model=ConformanceReport,
        responses=problems("not_found", "validation_failed"),
    )
    async def conformance(
        caller: Caller,
        agency: AgencyCode,
        first: Annotated[Day, Query(alias="from", description="A day in Malaysia.")],
        last: Annotated[Day, Query(alias="to", description="A day in Malaysia, included.")],
        form: Annotated[Form, Query(alias="format")] = "json",
    ) -> Response:
        period = Period(agency, midnight(first), midnight(last + timedelta(days=1)))
        made = await examination.report(reader_of(caller), period)
        return await forms.answer(form, made, first, last)

    return routes
