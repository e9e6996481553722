"""A report as an answer: as JSON, as CSV, as a paper."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from starlette.responses import Response, StreamingResponse

from bmt.agencies.charter import MALAYSIA
from bmt.agencies.register import Agencies
from bmt.chassis.http.responses import JsonResponse
from bmt.contracts.http.records import ConformanceReport
from bmt.press.typesetter import MEDIA_TYPE, Typesetter
from services.records.conformance.report import written

# The report as a paper: what it comes to, and each request that deviates.

log = structlog.get_logger(__name__)

TEMPLATES: Final = Path(__file__).parent / "templates"
MOST_SHOWN: Final = 500
"""Requests that deviate; the CSV has all of them."""


class ConformancePaper:
    """Sets reports, in Malay and English."""

    def __init__(self) -> None:
        self._typesetter = Typesetter(TEMPLATES)

    def pdf(self, made: ConformanceReport, agency_name: str) -> bytes:
        """The paper (PDF/A-2b)."""
        return self._typesetter.pdf(
            "conformance",
            _told(made, agency_name),
            lambda: log.warning("paper_lacks_font", agency=made.agency),
        )


def _told(made: ConformanceReport, agency_name: str) -> dict[str, Any]:
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


Form = Literal["json", "csv", "pdf"]


class Forms:
    """Gives reports the form that is asked for."""

    def __init__(self, agencies: Agencies) -> None:
        """`agencies` are named on the paper."""
        self._agencies = agencies
        self._paper = ConformancePaper()

    async def answer(
        self, form: Form, made: ConformanceReport, first: date, last: date
    ) -> Response:
        """The report on these days; CSV and paper are to be kept."""
        name = f"{made.agency}-{first.isoformat()}-{last.isoformat()}"
        if form == "csv":
            return StreamingResponse(
                written(made), media_type="text/csv; charset=utf-8", headers=_named(name, "csv")
            )
        if form == "pdf":
            pdf = await asyncio.to_thread(
                self._paper.pdf, made, self._agencies.name_of(made.agency)
            )
            return Response(pdf, media_type=MEDIA_TYPE, headers=_named(name, "pdf"))
        return JsonResponse(made)


def _named(name: str, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.{ending}"'}
