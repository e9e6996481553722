"""The blank papers of the visitor's own agency, for who prints them from the pages."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.auth import Principal
from bmt.pages.login import Admitted
from services.intake.printing.blank_papers import BlankPapers, PaperName, printed


def routes(blanks: BlankPapers, admitted: Admitted) -> APIRouter:
    """The papers, below the prefix."""
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/papers/{name}.pdf")
    async def blank(
        request: Request, name: PaperName, visitor: Annotated[Principal, caller]
    ) -> Response:
        return await printed(request, blanks, name, visitor.agency)

    return routes
