"""Requests whatever their status: those that a search finds, and those on which the visitor did something."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.routes import Page
from bmt.contracts import values
from bmt.contracts.http.approval import ListedRequest
from web.clients import VisitorClient, address
from web.console import desk, wording
from web.console.access import Administrator
from web.console.desk import Listing, Where
from web.ports import Client, Here, Ports

router = APIRouter()

_SEE_OTHER: Final = 303
_REQUESTS: Final = address("requests")


@router.get("/search")
async def search(
    request: Request,
    here: Here,
    _: Administrator,
    client: Client,
    place: Where,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What the words find; a reference leads to its request at once."""
    words = " ".join(q.split())
    if not words:
        return here.layout.page(request, "search.html", q="", found=[], more=None, now=here.clock())
    asked = {"q": words, **asdict(place)}
    page = await client.get("approval", _REQUESTS, Page[ListedRequest], asked)
    if values.read_reference(words) and len(page.items) == 1:
        where = f"{here.layout.prefix}/requests/{page.items[0].request_id}"
        return RedirectResponse(where, _SEE_OTHER)
    return here.layout.page(
        request, "search.html", q=words, found=page.items, more=page.next_cursor, now=here.clock()
    )


@router.get("/search.csv")
async def found_as_file(
    request: Request,
    here: Here,
    _: Administrator,
    client: Client,
    q: Annotated[str, Query(min_length=1, max_length=200)],
) -> Response:
    return await _exported(here, request, client, {"q": " ".join(q.split())}, "search")


@dataclass(frozen=True, slots=True)
class DoneListing(Listing):
    """The list of what the visitor did."""

    NEWEST_FIRST = True

    order: Annotated[Literal["changed_at", "name", "kind"], Query()] = "changed_at"


Done = Annotated[DoneListing, Depends()]


@router.get("/done.csv")
async def done_as_file(
    request: Request, here: Here, _: Administrator, client: Client, only: Done
) -> Response:
    return await _exported(here, request, client, {"by_me": True, **only.asked()}, "done")


@router.get("/done")
async def done(
    request: Request, here: Here, _: Administrator, client: Client, only: Done, place: Where
) -> Response:
    """What the visitor decided, approved at a level or corrected."""
    asked = {"by_me": True, **only.asked(), **asdict(place)}
    page, tabs = await asyncio.gather(
        client.get("approval", _REQUESTS, Page[ListedRequest], asked), desk.tabs(client)
    )
    return here.layout.page(
        request,
        "done.html",
        found=page.items,
        more=page.next_cursor,
        only=only,
        tabs=tabs,
        now=here.clock(),
    )


async def _exported(
    here: Ports, request: Request, client: VisitorClient, asked: Mapping[str, Any], name: str
) -> Response:
    """The list as a file, in its order."""
    language = here.layout.language(request)
    found = await desk.everything(client, "approval", _REQUESTS, Page[ListedRequest], asked)
    rows = [
        (
            *(language.text(wording.STATUS[one.status]), one.changed_at),
            *(one.applicant.name, one.applicant.account, one.applicant.email),
            *(language.text(wording.KIND[one.kind]), one.reference),
        )
        for one in found
    ]
    return desk.as_file(name, wording.EXPORTED["done"], rows, language)
