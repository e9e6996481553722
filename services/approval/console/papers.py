"""The pages of notices: those to print and hand over, those to be sent, those that failed."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
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
from services.approval.console.desk import Desk
from web.clients import VisitorClient, address
from web.forms import Sent, all_told, new_key, sent

_SEE_OTHER: Final = 303
_PDF: Final = b"%PDF-"


class _Notices(Page[WaitingNotification]):
    """A page of notices."""


Form = Annotated[Sent, Depends(sent)]


def routes(desk: Desk) -> APIRouter:
    """The pages below `/papers`."""
    routes = APIRouter(prefix="/papers", dependencies=[Depends(desk.admitted)])

    async def listed(
        request: Request,
        status: NoticeStatus,
        cursor: str | None = None,
        refused: Refused | None = None,
    ) -> Response:
        asked = {"status": status, "cursor": cursor}
        visitor_client = desk.client(request)
        found = await visitor_client.get("notification", address("notifications"), _Notices, asked)
        keys = {one.notification_id: new_key() for one in found.items}
        told = all_told(refused)
        return desk.listed(
            request, "papers.html", found, status, keys=keys, refused=refused, told=told
        )

    @routes.get("")
    async def look(
        request: Request,
        status: NoticeStatus = "prepared",
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        return await listed(request, status, cursor)

    @routes.post("")
    async def act(request: Request, told: Form, status: NoticeStatus = "prepared") -> Response:
        notification_id = told.text("notification_id")
        try:
            if told.text("do") == "resend":
                await _resend(desk.client(request), notification_id, told.key)
            else:
                await _hand_over(desk.client(request), notification_id, told)
        except Refused as refused:
            return await listed(request, status, refused=refused)
        return RedirectResponse(f"{request.url.path}?status={status}", _SEE_OTHER)

    @routes.get("/{notification_id}/document")
    async def document(request: Request, notification_id: Id) -> Response:
        visitor_client = desk.client(request)
        content = await visitor_client.download(
            "notification", address("notifications", notification_id, "document")
        )
        is_paper = content.startswith(_PDF)
        name = f"{notification_id}.{'pdf' if is_paper else 'eml'}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        media_type = "application/pdf" if is_paper else "message/rfc822"
        return Response(content, media_type=media_type, headers=headers)

    return routes


async def _resend(visitor_client: VisitorClient, notification_id: str, key: str) -> None:
    path = address("notifications", notification_id, "resend")
    await visitor_client.post("notification", path, {}, ResendAccepted, key)


async def _hand_over(visitor_client: VisitorClient, notification_id: str, told: Sent) -> None:
    note = told.text("note").strip()
    path = address("notifications", notification_id, "dispatch")
    body = {"note": note} if note else {}
    await visitor_client.post("notification", path, body, PaperDispatched, told.key)
