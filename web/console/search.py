"""Requests whatever their status: those that a search finds, and those on which the visitor did something."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bmt.chassis.http.routes import Page
from bmt.contracts import values
from bmt.contracts.http.approval import ListedRequest
from web.clients import address
from web.console import desk, wording
from web.console.desk import Listing, Where
from web.ports import Administrator, Visit

router = APIRouter()

_REQUESTS: Final = address("requests")


@router.get("/search")
async def search(
    visit: Administrator, place: Where, q: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """What the words find; a reference leads to its request at once."""
    words = " ".join(q.split())
    if not words:
        return visit.page("search.html", q="", found=[], more=None, now=visit.here.clock())
    asked = {"q": words, **asdict(place)}
    page = await visit.client.get("approval", _REQUESTS, Page[ListedRequest], asked)
    if values.read_reference(words) and len(page.items) == 1:
        where = f"{visit.here.layout.prefix}/requests/{page.items[0].request_id}"
        return visit.redirect(where)
    return visit.page(
        "search.html", q=words, found=page.items, more=page.next_cursor, now=visit.here.clock()
    )


@router.get("/search.csv")
async def found_as_file(
    visit: Administrator, q: Annotated[str, Query(min_length=1, max_length=200)]
) -> Response:
    return await _exported(visit, {"q": " ".join(q.split())}, "search")


@dataclass(frozen=True, slots=True)
class DoneListing(Listing):
    """The list of what the visitor did."""

    NEWEST_FIRST = True

    order: Annotated[Literal["changed_at", "name", "kind"], Query()] = "changed_at"


Done = Annotated[DoneListing, Depends()]


@router.get("/done.csv")
async def done_as_file(visit: Administrator, only: Done) -> Response:
    return await _exported(visit, {"by_me": True, **only.asked()}, "done")


@router.get("/done")
async def done(visit: Administrator, only: Done, place: Where) -> Response:
    """What the visitor decided, approved at a level or corrected."""
    asked = {"by_me": True, **only.asked(), **asdict(place)}
    page, tabs = await asyncio.gather(
        visit.client.get("approval", _REQUESTS, Page[ListedRequest], asked), desk.tabs(visit.client)
    )
    return visit.page(
        "done.html",
        found=page.items,
        more=page.next_cursor,
        only=only,
        tabs=tabs,
        now=visit.here.clock(),
    )


async def _exported(visit: Visit, asked: Mapping[str, Any], name: str) -> Response:
    """The list as a file, in its order."""
    language = visit.language
    found = await desk.everything(visit.client, "approval", _REQUESTS, Page[ListedRequest], asked)
    rows = [
        (
            *(language.text(wording.STATUS[one.status]), one.changed_at),
            *(one.applicant.name, one.applicant.account, one.applicant.email),
            *(language.text(wording.KIND[one.kind]), one.reference),
        )
        for one in found
    ]
    return desk.as_file(name, wording.EXPORTED["done"], rows, language)
