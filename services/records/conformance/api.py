"""Conformance over HTTP: as JSON, as CSV, as a paper."""

import asyncio
from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.chassis.auth import Principal, require
from bmt.chassis.json_response import JsonResponse
from bmt.chassis.openapi import problems
from bmt.chassis.web import api_router
from bmt.contracts.http.records import ConformanceReport
from bmt.contracts.values import AgencyCode
from bmt.press.typesetter import MEDIA_TYPE
from services.records.api import Day
from services.records.callers import reader_of
from services.records.conformance.examination import Examination
from services.records.conformance.paper import ConformancePaper
from services.records.conformance.report import Period, written

Caller = Annotated[Principal, Depends(require("auditor", "administrator"))]
Form = Literal["json", "csv", "pdf"]


def routes(examination: Examination, agencies: Agencies) -> APIRouter:
    """The route of reports."""
    routes = api_router(tags=["records"])
    paper = ConformancePaper()

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
        period = Period(agency, _midnight(first), _midnight(last + timedelta(days=1)))
        made = await examination.report(reader_of(caller), period)
        name = f"{agency}-{first.isoformat()}-{last.isoformat()}"
        if form == "csv":
            return StreamingResponse(
                written(made), media_type="text/csv; charset=utf-8", headers=_named(name, "csv")
            )
        if form == "pdf":
            known = agencies.get(agency).rules.name if agency in agencies else agency
            pdf = await asyncio.to_thread(paper.pdf, made, known)
            return Response(pdf, media_type=MEDIA_TYPE, headers=_named(name, "pdf"))
        return JsonResponse(made)

    return routes


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), MALAYSIA)


def _named(name: str, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
