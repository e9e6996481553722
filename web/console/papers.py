"""The pages of notices: those to print and hand over, those to be sent, those that failed."""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.pagination import Id, Page
from bmt.contracts.http.notification import (
    NoticeStatus,
    PaperDispatched,
    ResendAccepted,
    WaitingNotification,
)
from bmt.contracts.problems import Refused
from web.clients import VisitorClient, address
from web.console import desk
from web.console.access import ADMITTED
from web.console.forms import Form
from web.console.worklist import named
from web.forms import Sent, all_told, new_key
from web.ports import Client, Here, Ports

_SEE_OTHER: Final = 303
_PDF: Final = b"%PDF-"

router = APIRouter(prefix="/papers", dependencies=[ADMITTED])


@router.get("")
async def listed(
    request: Request,
    here: Here,
    client: Client,
    status: NoticeStatus = "prepared",
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    return await _page(here, request, client, status, cursor)


@router.post("")
async def act(
    request: Request, here: Here, client: Client, told: Form, status: NoticeStatus = "prepared"
) -> Response:
    notification_id = told.text("notification_id")
    try:
        if told.text("do") == "resend":
            await _resend(client, notification_id, told.key)
        else:
            await _hand_over(client, notification_id, told)
    except Refused as refused:
        return await _page(here, request, client, status, refused=refused)
    return RedirectResponse(f"{request.url.path}?status={status}", _SEE_OTHER)


@router.get("/{notification_id}/document")
async def document(notification_id: Id, client: Client) -> Response:
    path = address("notifications", notification_id, "document")
    content = await client.download("notification", path)
    is_paper = content.startswith(_PDF)
    name = f"{notification_id}.{'pdf' if is_paper else 'eml'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    media_type = "application/pdf" if is_paper else "message/rfc822"
    return Response(content, media_type=media_type, headers=headers)


async def _page(
    here: Ports,
    request: Request,
    client: VisitorClient,
    status: NoticeStatus,
    cursor: str | None = None,
    refused: Refused | None = None,
) -> Response:
    asked = {"status": status, "cursor": cursor}
    path = address("notifications")
    found, tabs = await asyncio.gather(
        client.get("notification", path, Page[WaitingNotification], asked), desk.tabs(client)
    )
    names = await named(client, list({one.request_id for one in found.items}))
    return here.layout.page(
        request,
        "papers.html",
        found=found.items,
        more=found.next_cursor,
        chosen=status,
        tabs=tabs,
        names=names,
        now=here.clock(),
        keys={one.notification_id: new_key() for one in found.items},
        refused=refused,
        told=all_told(refused),
    )


async def _resend(client: VisitorClient, notification_id: str, key: str) -> None:
    path = address("notifications", notification_id, "resend")
    await client.post("notification", path, {}, ResendAccepted, key)


async def _hand_over(client: VisitorClient, notification_id: str, told: Sent) -> None:
    note = told.text("note").strip()
    path = address("notifications", notification_id, "dispatch")
    body = {"note": note} if note else {}
    await client.post("notification", path, body, PaperDispatched, told.key)
