"""The public page: where a request stands, for who has its reference and the code of its acknowledgement."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.chassis.http.client_address import ClientAddress
from bmt.chassis.http.limits import RateLimit
from bmt.contracts import reference
from bmt.contracts.problems import STATUS
from bmt.contracts.status_code import is_same, status_code
from bmt.pages.application import public_pages
from bmt.pages.forms import read
from bmt.pages.layout import Layout
from services.intake.pages import wording
from services.intake.queries import Requests
from services.intake.settings import Settings
from services.intake.views import RequestDocument

PREFIX: Final = "/status"
_MOST_BYTES: Final = 4096
_LONGEST: Final = 100
_INTERNAL: Final = frozenset({"notification_prepared"})
"""Steps that tell who waits nothing."""
_OK: Final = 200
_NOBODYS: Final = "00000000-0000-7000-8000-000000000000"
"""Whose code is made where there is no such reference, so that both answers take as long."""
_WRONG_CODES: Final = (0.1, 10)
"""How many one client may send for a reference a second, and at once: more than anybody needs who mistypes one. Others'
tries count for themselves, so that nobody locks the owner out; a code has 60 bits, and is guessed from nowhere."""
_SECONDS_OF_CALLS: Final = 10
"""How many seconds' calls of one client may come at once."""


class StatusLookup:
    """Looks requests up by reference and code."""

    def __init__(
        self, requests: Requests, key: str, by_client: RateLimit, agencies: Collection[str] = ()
    ) -> None:
        """`key` is what codes are made with; `by_client` limits how often one client asks; `agencies` are all codes."""
        self._requests = requests
        self._agencies = agencies
        self._key = key
        self._by_client = by_client
        self._wrong_codes = RateLimit(*_WRONG_CODES)

    def admit(self, client: str) -> None:
        """Counts a call of a client, before anything is read of it.

        Raises:
            Refused: `too_many_requests`.
        """
        self._by_client.take(client)

    async def find(
        self, client: str, typed_reference: str, typed_code: str
    ) -> RequestDocument | None:
        """The request, for a client's address; None for an unknown reference and for a wrong code alike.

        Raises:
            Refused: `too_many_requests`, whether there is such a reference or not.
        """
        name = reference.read(typed_reference, self._agencies) or typed_reference.strip()[:_LONGEST]
        asker = f"{client} {name}"
        self._wrong_codes.take(asker)
        found = None
        for one in await self._requests.referred_to(name) or (None,):
            code = status_code(self._key, one.facts.request_id if one else _NOBODYS)
            if is_same(code, typed_code) and one is not None:
                found = one
        if found is not None:
            self._wrong_codes.give_back(asker)
        return found


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


def public_site(settings: Settings, requests: Requests, agencies: Agencies) -> APIRouter:
    """The page for who has a reference and its code; none where no code is ever made."""
    if settings.status_code_key is None:
        return APIRouter()
    client_address = ClientAddress(settings.client_address_header, settings.trusted_proxies)
    per_second = settings.status_calls_per_second
    by_client = RateLimit(per_second, max(1, round(per_second * _SECONDS_OF_CALLS)))
    codes = tuple(one.code for one in agencies)
    lookup = StatusLookup(requests, settings.status_code_key.get_secret_value(), by_client, codes)
    return public_pages(
        settings,
        PREFIX,
        Path(__file__).parent,
        lambda layout: [routes(lookup, client_address, agencies, layout)],
    )
