"""The public page: where a request stands, for who has its reference and the code of its acknowledgement."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.contracts.problems import STATUS
from bmt.pages.forms import read
from bmt.pages.layout import Layout
from services.intake.pages import wording
from services.intake.pages.status_lookup import StatusLookup
from services.intake.views import RequestDocument

PREFIX: Final = "/status"
_MOST_BYTES: Final = 4096
_LONGEST: Final = 100
_OK: Final = 200


def routes(lookup: StatusLookup, layout: Layout) -> APIRouter:
    """The form, and its answer: the code is in no address, so in no log of a proxy and in no history."""
    routes = APIRouter()

    @routes.get("/")
    async def ask(
        request: Request, reference: Annotated[str, Query(max_length=_LONGEST)] = ""
    ) -> Response:
        return layout.page(request, "status.html", **_told(reference))

    @routes.post("/")
    async def answer(request: Request) -> Response:
        lookup.admit(request.client.host if request.client else "")
        told = await read(request, _MOST_BYTES, most_files=0)
        reference, code = told.text("reference")[:_LONGEST], told.text("code")[:_LONGEST]
        found = await lookup.find(reference, code)
        if found is None:
            status = STATUS["not_found"]
            return layout.page(request, "status.html", status, **_told(reference, wrong=True))
        shown = {"reference": found.facts.reference, "code": code, "one": found}
        return layout.page(request, "status_found.html", _OK, **shown, **_ahead(found))

    return routes


def _told(reference: str, *, wrong: bool = False) -> dict[str, Any]:
    return {"reference": reference, "wrong": wrong}


def _ahead(found: RequestDocument) -> dict[str, Any]:
    """What comes next."""
    return {"ahead": wording.AHEAD.get(found.status, ()), "wording": wording}
