"""Configurations that failed and wait for a person."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.routes import Page
from bmt.contracts.http.approval import ListedRequest
from bmt.contracts.http.provisioning import Failure
from web.clients import VisitorClient, address
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
    (page, names), tabs = await asyncio.gather(_failures(client, cursor), desk.tabs(client))
    return here.layout.page(
        request,
        "failures.html",
        found=page.items,
        names=names,
        more=page.next_cursor,
        tabs=tabs,
        now=here.clock(),
    )


async def _failures(
    client: VisitorClient, cursor: str | None
) -> tuple[Page[Failure], Mapping[str, ListedRequest]]:
    page = await client.get("provisioning", address("failures"), Page[Failure], {"cursor": cursor})
    ids: Sequence[str] = [one.request_id for one in page.items]
    return page, await named(client, ids)
