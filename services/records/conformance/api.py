"""Conformance over HTTP: a report as JSON, as CSV or as a paper."""

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import structlog
from fastapi import Depends, Query
from starlette.responses import Response, StreamingResponse

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse, harmless
from bmt.chassis.http.routes import api_router, problems
from bmt.contracts.http.records import ConformanceReport
from bmt.contracts.values import AgencyCode
from bmt.press.typesetter import MEDIA_TYPE, Typesetter
from services.records.audited_queries import reader_of
from services.records.conformance.examination import Period
from services.records.ports import Here
from services.records.time_machine import Day, midnight

log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"
MOST_SHOWN: Final = 500
"""The number of deviating requests on the paper. The CSV has all of them."""

COLUMNS: Final = (
    *("reference", "request_id", "file_number", "kind", "status"),
    *("received_at", "decided_at", "configured_at", "notified_at", "filed_at"),
    *("decision", "decided_by", "configured_by", "folios", "conforms", "deviations"),
    "not_read_back",
)
_typesetter: Final = Typesetter(TEMPLATES)

Form = Literal["json", "csv", "pdf"]
Caller = Annotated[Principal, Depends(require("auditor", "administrator"))]


router = api_router(tags=["records"])


@router.get(
    "/v1/conformance",
    summary="Every request of a period held against the steps of the procedure",
    response_model=ConformanceReport,
    responses=problems("not_found", "validation_failed"),
)
async def conformance(
    here: Here,
    caller: Caller,
    agency: AgencyCode,
    first: Annotated[Day, Query(alias="from", description="A day in Malaysia.")],
    last: Annotated[Day, Query(alias="to", description="A day in Malaysia, included.")],
    form: Annotated[Form, Query(alias="format")] = "json",
) -> Response:
    period = period_of(agency, first, last)
    made = await here.examination.report(reader_of(caller), period)
    return await answer(form, made, first, last, here.agencies)


def period_of(agency: str, first: date, last: date) -> Period:
    """The period from the first to the last day, both included, in Malaysia."""
    return Period(agency, midnight(first), midnight(last + timedelta(days=1)))


async def answer(
    form: Form, made: ConformanceReport, first: date, last: date, agencies: Agencies
) -> Response:
    """The report in the requested form. CSV and PDF are sent as attachments."""
    name = f"{made.agency}-{first.isoformat()}-{last.isoformat()}.{form}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if form == "csv":
        rows = written(made)
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)
    if form == "pdf":
        pdf = await asyncio.to_thread(paper, made, agencies.name_of(made.agency))
        return Response(pdf, media_type=MEDIA_TYPE, headers=headers)
    return JsonResponse(made)


def written(made: ConformanceReport) -> Iterator[str]:
    """The report as CSV (RFC 4180), one row at a time. No cell starts a spreadsheet formula."""
    yield _row(COLUMNS)
    for line in made.lines:
        cells = line.model_dump(mode="json")
        cells["conforms"] = "yes" if not line.deviations else "no"
        cells["deviations"] = "; ".join(f"{one.code}: {one.detail}" for one in line.deviations)
        cells["not_read_back"] = " ".join(line.not_read_back)
        yield _row([_cell(cells[name]) for name in COLUMNS])


def _row(cells: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> object:
    return harmless("" if value is None else str(value))


def paper(made: ConformanceReport, agency_name: str) -> bytes:
    """The report as PDF/A-2b, in Malay and English: the totals, and each request that deviates."""
    return _typesetter.pdf(
        "conformance",
        _paper_data(made, agency_name),
        lambda: log.warning("paper_lacks_font", agency=made.agency),
    )


def _paper_data(made: ConformanceReport, agency_name: str) -> dict[str, Any]:
    deviating = [line for line in made.lines if line.deviations]
    at = made.made_at.astimezone(MALAYSIA)
    return {
        "agency": agency_name,
        "code": made.agency,
        "since": made.since.astimezone(MALAYSIA).date().isoformat(),
        "before": made.before.astimezone(MALAYSIA).date().isoformat(),
        "at": at.strftime("%Y-%m-%d %H:%M"),
        "day": {"year": at.year, "month": at.month, "day": at.day},
        "requests": made.requests,
        "conforming": made.conforming,
        "steps": {
            name: sum(getattr(line, name) is not None for line in made.lines)
            for name in ("received_at", "decided_at", "configured_at", "notified_at", "filed_at")
        },
        "by_hand": sum(bool(line.not_read_back) for line in made.lines),
        "by_code": [[code, count] for code, count in made.by_code.items()],
        "more": max(0, len(deviating) - MOST_SHOWN),
        "lines": [
            {
                "reference": line.reference,
                "file_number": line.file_number,
                "status": line.status,
                "deviations": [[one.code, one.detail] for one in line.deviations],
            }
            for line in deviating[:MOST_SHOWN]
        ],
    }
