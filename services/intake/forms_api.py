"""Blank papers over HTTP: forms to fill in by hand, and sheets that keep scanned papers apart."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.openapi import problems
from services.intake.printing.blank_papers import BlankPapers, PaperName, printed

Printing = Annotated[
    Principal, Depends(require("applicant", "administrator", "operator", "auditor"))
]


def routes(blanks: BlankPapers) -> APIRouter:
    """The route of blank papers: no secret, so of any agency for anybody who is known."""
    api = api_router(tags=["forms"])

    @api.get(
        "/v1/forms/{kind}.pdf",
        responses=problems("validation_failed", "channel_not_allowed"),
        response_class=Response,
        summary="A blank form, or a cover sheet, to print",
        description="`application` and `termination` where the agency receives forms; `cover-memo` and "
        "`cover-letter` where it receives those: laid before each paper of a batch that is scanned. The same "
        "bytes until the agency's name or rules change; `ETag` tells.",
    )
    async def blank(
        request: Request,
        kind: PaperName,
        _: Printing,
        agency: Annotated[str, Query(max_length=32, description="its code")],
    ) -> Response:
        return await printed(request, blanks, kind, agency)

    return api
