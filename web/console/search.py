"""Requests whatever their status: those that a search finds, and those on which the visitor did something."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.http.routes import Page
from bmt.contracts import values
from bmt.contracts.http.approval import ListedRequest
from web.clients import VisitorClient, address
from web.console import desk, wording
from web.console.access import Administrator
from web.console.worklist import AT_ONCE, MOST_EXPORTED
from web.csv_file import csv_file
from web.ports import Client, Here, Ports

router = APIRouter()

_SEE_OTHER: Final = 303
_REQUESTS: Final = address("requests")

Cursor = Annotated[str | None, Query(max_length=1024)]


@router.get("/search")
async def search(
    request: Request,
    here: Here,
    _: Administrator,
    client: Client,
    q: Annotated[str, Query(max_length=200)] = "",
    cursor: Cursor = None,
) -> Response:
    """What the words find; a reference leads to its request at once."""
    words = " ".join(q.split())
    if not words:
        return here.layout.page(request, "search.html", q="", found=[], more=None, now=here.clock())
    asked = {"q": words, "cursor": cursor}
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
    return await _exported(here, request, client, {"q": " ".join(q.split())})


@router.get("/done.csv")
async def done_as_file(request: Request, here: Here, _: Administrator, client: Client) -> Response:
    return await _exported(here, request, client, {"by_me": True})


@router.get("/done")
async def done(
    request: Request, here: Here, _: Administrator, client: Client, cursor: Cursor = None
) -> Response:
    """What the visitor decided, approved at a level or corrected, the latest first."""
    asked = {"by_me": True, "cursor": cursor}
    page, tabs = await asyncio.gather(
        client.get("approval", _REQUESTS, Page[ListedRequest], asked), desk.tabs(client)
    )
    return here.layout.page(
        request,
        "done.html",
        found=page.items,
        more=page.next_cursor,
        tabs=tabs,
        now=here.clock(),
    )


async def _exported(
    here: Ports, request: Request, client: VisitorClient, asked: Mapping[str, Any]
) -> Response:
    """The list as a file, in its order."""
    language = here.layout.language(request)
    rows: list[Sequence[str]] = [[language.text(one) for one in wording.EXPORTED_WHATEVER_STATUS]]
    cursor = None
    while len(rows) <= MOST_EXPORTED:
        place = {"limit": AT_ONCE, "cursor": cursor}
        page = await client.get("approval", _REQUESTS, Page[ListedRequest], {**asked, **place})
        rows += [
            (
                language.text(wording.STATUS[one.status]),
                one.changed_at.astimezone(MALAYSIA).strftime("%Y-%m-%d %H:%M"),
                *(one.applicant.name, one.applicant.account, one.applicant.email),
                *(language.text(wording.KIND[one.kind]), one.reference),
            )
            for one in page.items
        ]
        if (cursor := page.next_cursor) is None:
            break
    return csv_file("bmt", rows)
