"""The public page: where a request stands, for who has its reference and the code of its acknowledgement."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.chassis.http.limits import ClientAddress
from bmt.contracts.problems import STATUS
from bmt.pages.forms import read
from bmt.pages.layout import Layout
from services.intake.pages import wording
from services.intake.pages.status_lookup import StatusLookup
from services.intake.views import RequestDocument

PREFIX: Final = "/status"
_MOST_BYTES: Final = 4096
_LONGEST: Final = 100
_INTERNAL: Final = frozenset({"notification_prepared"})
"""Steps that tell who waits nothing."""
_OK: Final = 200


def routes(
    lookup: StatusLookup, client_address: ClientAddress, agencies: Agencies, layout: Layout
) -> APIRouter:
    """The form, and its answer: the code is in no address, so in no log of a proxy and in no history."""
    routes = APIRouter()

    @routes.get("/")
    async def ask(
        request: Request, reference: Annotated[str, Query(max_length=_LONGEST)] = ""
    ) -> Response:
        return layout.page(request, "status.html", **_told(reference))

    @routes.post("/")
    async def answer(request: Request) -> Response:
        client = client_address.of(request)
        lookup.admit(client)
        told = await read(request, _MOST_BYTES, most_files=0)
        reference, code = told.text("reference")[:_LONGEST], told.text("code")[:_LONGEST]
        found = await lookup.find(client, reference, code)
        if found is None:
            status = STATUS["not_found"]
            return layout.page(request, "status.html", status, **_told(reference, wrong=True))
        return layout.page(
            request, "status_found.html", _OK, code=code, **_progress(found, agencies)
        )

    return routes


def _told(reference: str, *, wrong: bool = False) -> dict[str, Any]:
    return {"reference": reference, "wrong": wrong}


def _progress(found: RequestDocument, agencies: Agencies) -> dict[str, Any]:
    """What happened and what comes next, and nothing else of the request."""
    return {
        "reference": found.facts.reference,
        "stands": found.status,
        "steps": [one for one in found.steps if one.step not in _INTERNAL],
        "ahead": wording.AHEAD.get(found.status, ()),
        "decided_by": _decided_by(found, agencies),
        "wording": wording,
    }


def _decided_by(found: RequestDocument, agencies: Agencies) -> datetime | None:
    """When it is decided at the latest, by the client charter; None: it is, or nothing is promised."""
    received = [one.at for one in found.steps if one.step == "received"]
    if found.status != "received" or not received or found.agency not in agencies:
        return None
    rules = agencies.get(found.agency).rules
    days, closed = rules.charter_working_days.decide, frozenset(rules.closed_days)
    return charter.due_at(received[-1], days, rules.state, closed)
