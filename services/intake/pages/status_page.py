"""The public status page, for people who have a request's reference and the code of its acknowledgement.

Others learn nothing, not even that the request exists.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies import charter
from bmt.agencies.register import Agencies
from bmt.chassis.http.limits import ClientAddress, RateLimit
from bmt.contracts import reference
from bmt.contracts.problems import STATUS
from bmt.contracts.status_code import is_same, status_code
from services.intake.pages import wording
from services.intake.queries import Requests
from services.intake.settings import Settings
from services.intake.views import RequestDocument
from web.application import public_pages
from web.forms import read
from web.layout import Layout

PREFIX: Final = "/status"
_MOST_BYTES: Final = 4096
_LONGEST: Final = 100
_INTERNAL: Final = frozenset({"notification_prepared"})
"""Steps that mean nothing to the applicant."""
_OK: Final = 200
_NOBODYS: Final = "00000000-0000-7000-8000-000000000000"
"""The request whose code is computed for an unknown reference, so that both answers take as long."""
_WRONG_CODES: Final = (0.1, 10)
"""Wrong codes that one client may send for a reference: per second, and at once.

They are counted for each client, so nobody can lock the owner out. A code has 60 bits, too many to guess.
"""
_SECONDS_OF_CALLS: Final = 10
"""One client may send the calls of so many seconds at once."""


class StatusLookup:
    """Looks requests up by reference and code."""

    def __init__(
        self, requests: Requests, key: str, by_client: RateLimit, agencies: Collection[str] = ()
    ) -> None:
        """`key` makes the codes; `by_client` limits the calls of one client; `agencies` are all agency codes."""
        self._requests = requests
        self._agencies = agencies
        self._key = key
        self._by_client = by_client
        self._wrong_codes = RateLimit(*_WRONG_CODES)

    def admit(self, client: str) -> None:
        """Count a call of a client, before anything of it is read.

        Raises:
            Refused: `too_many_requests`.
        """
        self._by_client.take(client)

    async def find(
        self, client: str, typed_reference: str, typed_code: str
    ) -> RequestDocument | None:
        """The request; None for an unknown reference and for a wrong code alike.

        Raises:
            Refused: `too_many_requests`, for known and unknown references alike.
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
    """The form and its answer. The code is in no address, so it is in no proxy's log and no history."""
    routes = APIRouter()

    @routes.get("/")
    async def ask(
        request: Request, reference: Annotated[str, Query(max_length=_LONGEST)] = ""
    ) -> Response:
        return layout.page(request, "status.html", **_form_values(reference))

    @routes.post("/")
    async def answer(request: Request) -> Response:
        client = client_address.of(request)
        lookup.admit(client)
        told = await read(request, _MOST_BYTES, most_files=0)
        reference, code = told.text("reference")[:_LONGEST], told.text("code")[:_LONGEST]
        found = await lookup.find(client, reference, code)
        if found is None:
            status = STATUS["not_found"]
            return layout.page(
                request, "status.html", status, **_form_values(reference, wrong=True)
            )
        return layout.page(
            request, "status_found.html", _OK, code=code, **_progress(found, agencies)
        )

    return routes


def _form_values(reference: str, *, wrong: bool = False) -> dict[str, Any]:
    return {"reference": reference, "wrong": wrong}


def _progress(found: RequestDocument, agencies: Agencies) -> dict[str, Any]:
    """The steps so far and the next ones, and nothing else of the request."""
    return {
        "reference": found.facts.reference,
        "stands": found.status,
        "steps": [one for one in found.steps if one.step not in _INTERNAL],
        "ahead": wording.AHEAD.get(found.status, ()),
        "decided_by": _decided_by(found, agencies),
        "wording": wording,
    }


def _decided_by(found: RequestDocument, agencies: Agencies) -> datetime | None:
    """The latest time of the decision by the client charter; None: it is decided, or nothing is promised."""
    received = [one.at for one in found.steps if one.step == "received"]
    if found.status != "received" or not received or found.agency not in agencies:
        return None
    rules = agencies.get(found.agency).rules
    days, closed = rules.charter_working_days.decide, frozenset(rules.closed_days)
    return charter.due_at(received[-1], days, rules.state, closed)


def public_site(settings: Settings, requests: Requests, agencies: Agencies) -> APIRouter:
    """The public page; empty if there is no key to make codes with."""
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
