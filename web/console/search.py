"""Requests whatever their status: those that a search finds, and those on which the visitor did something."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.routes import Page
from bmt.contracts import values
from bmt.contracts.http.approval import ListedRequest
from web.clients import address
from web.console import desk
from web.console.access import Administrator
from web.ports import Client, Here

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
