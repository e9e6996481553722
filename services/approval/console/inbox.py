"""The inbox' pages: the list of items, and one item beside the form that registers it."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id, Page
from bmt.contracts.http.intake import (
    InboxItem,
    InboxItemDismissed,
    InboxItemInFull,
    InboxStatus,
    InboxText,
    RequestAccepted,
)
from bmt.contracts.problems import FieldError, Refused
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.console.documents import file_of, named, picture_of
from services.approval.console.forms import RegistrationForm, faults_of, field_of
from web.clients import VisitorClient, address
from web.forms import FormWrong, Sent, all_told, sent

_SEE_OTHER: Final = 303

_NO_REASON: Final = FieldError.of("/reason", "reason_for_inbox")


class _Items(Page[InboxItem]):
    """A page of the inbox."""


Form = Annotated[Sent, Depends(sent)]
Number = Annotated[int, Path(ge=1, le=10_000)]


async def item_page(
    desk: Desk,
    request: Request,
    item: InboxItemInFull,
    visitor_client: VisitorClient,
    form: RegistrationForm,
    refused: Refused | None = None,
) -> Response:
    """An item beside its form."""
    path = address("inbox", item.inbox_item_id, "text")
    return desk.layout.page(
        request,
        "inbox_item.html",
        item=item,
        shown=await desk.originals.shown(item.documents),
        text=(await visitor_client.get("intake", path, InboxText)).text,
        rules=desk.agencies.get(item.agency).rules if item.agency in desk.agencies else None,
        form=form,
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused, field_of),
        wording=wording,
    )


def routes(desk: Desk) -> APIRouter:
    """The pages below `/inbox`."""
    routes = APIRouter(prefix="/inbox", dependencies=[Depends(desk.admitted)])

    @routes.get("")
    async def listed(
        request: Request,
        status: InboxStatus = "waiting",
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        asked = {"status": status, "cursor": cursor}
        found = await desk.client(request).get("intake", address("inbox"), _Items, asked)
        return desk.listed(request, "inbox.html", found, status)

    @routes.get("/{item_id}")
    async def one(request: Request, item_id: Id) -> Response:
        visitor_client = desk.client(request)
        item = await _item(visitor_client, item_id)
        return await item_page(desk, request, item, visitor_client, RegistrationForm.of_item(item))

    @routes.post("/{item_id}")
    async def settle(
        request: Request,
        item_id: Id,
        visitor: Annotated[Principal, Depends(desk.admitted)],
        told: Form,
    ) -> Response:
        visitor_client = desk.client(request)
        form = RegistrationForm.of(told)
        try:
            if told.text("do") == "dismiss":
                await _dismiss(visitor_client, item_id, form, told.key)
            else:
                await _register(visitor_client, item_id, form, visitor, told.key)
        except Refused as refused:
            item = await _item(visitor_client, item_id)
            return await item_page(desk, request, item, visitor_client, form, refused)
        # Not to the request: approval has not received it yet.
        return RedirectResponse(request.url.path, _SEE_OTHER)

    @routes.get("/{item_id}/documents/{document_id}")
    async def document(request: Request, item_id: Id, document_id: Id) -> Response:
        item = await _item(desk.client(request), item_id)
        return await file_of(named(item.documents, document_id), desk.documents)

    @routes.get("/{item_id}/documents/{document_id}/pages/{number}")
    async def page(request: Request, item_id: Id, document_id: Id, number: Number) -> Response:
        item = await _item(desk.client(request), item_id)
        return await picture_of(named(item.documents, document_id), number, desk.originals)

    return routes


async def _item(visitor_client: VisitorClient, item_id: str) -> InboxItemInFull:
    return await visitor_client.get("intake", address("inbox", item_id), InboxItemInFull)


async def _register(
    visitor_client: VisitorClient,
    item_id: str,
    form: RegistrationForm,
    visitor: Principal,
    key: str,
) -> None:
    body = form.registration(visitor).model_dump(mode="json", exclude_none=True)
    path = address("inbox", item_id, "registration")
    await visitor_client.post("intake", path, body, RequestAccepted, key)


async def _dismiss(
    visitor_client: VisitorClient, item_id: str, form: RegistrationForm, key: str
) -> None:
    if not (reason := form.value("reason").strip()):
        raise FormWrong(errors=(_NO_REASON,))
    path = address("inbox", item_id, "dismissal")
    await visitor_client.post("intake", path, {"reason": reason}, InboxItemDismissed, key)
