"""A report as an answer: as JSON, as CSV, as a paper."""

import asyncio
from datetime import date
from typing import Literal

from starlette.responses import Response, StreamingResponse

from bmt.agencies.register import Agencies
from bmt.chassis.http.responses import JsonResponse
from bmt.contracts.http.records import ConformanceReport
from bmt.press.typesetter import MEDIA_TYPE
from services.records.conformance.paper import ConformancePaper
from services.records.conformance.report import written

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
