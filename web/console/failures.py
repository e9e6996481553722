"""What failed and waits for a person: configurations, and notices that did not arrive."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.routes import Page
from bmt.contracts.http.notification import WaitingNotification
from bmt.contracts.http.provisioning import Failure
from web.clients import VisitorClient, address, part
from web.console import desk
from web.console.access import Administrator
from web.console.worklist import named
from web.ports import Client, Here

router = APIRouter()


@router.get("/failures")
async def listed(
    request: Request,
    here: Here,
    _: Administrator,
    client: Client,
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> Response:
    page, notices, tabs = await asyncio.gather(
        client.get("provisioning", address("failures"), Page[Failure], {"cursor": cursor}),
        part(_notices(client)),
        desk.tabs(client),
    )
    about = {one.request_id for one in (*page.items, *(notices.items if notices else ()))}
    return here.layout.page(
        request,
        "failures.html",
        found=page.items,
        notices=notices,
        names=await named(client, sorted(about)),
        more=page.next_cursor,
        tabs=tabs,
        now=here.clock(),
    )


async def _notices(client: VisitorClient) -> Page[WaitingNotification]:
    """The first of them; the list of notices has all."""
    asked = {"status": "failed", "limit": desk.COUNTED}
    return await client.get(
        "notification", address("notifications"), Page[WaitingNotification], asked
    )
