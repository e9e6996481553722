"""The pages of the inbox: the list of items, and one item with the form that registers it."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.assignments import Whose
from bmt.contracts.http.intake import (
    InboxItem,
    InboxItemDismissed,
    InboxItemInFull,
    InboxStatus,
    InboxText,
    RequestAccepted,
)
from bmt.contracts.problems import FieldError, Refused
from web.clients import Address, Received, VisitorClient, address
from web.console import desk, wording
from web.console.deciding import people
from web.console.desk import ASSIGN, Listing, PageQuery, assign
from web.console.forms import RegistrationForm, faults_of, field_of
from web.forms import Form, FormWrong, field_faults
from web.ports import Administrator, Visit

router = APIRouter(prefix="/inbox")

_NO_REASON: Final = FieldError.of("/reason", "reason_for_inbox")

MOST_WAITING: Final = 200
"""How many waiting items are searched for the next one, and for those of the same person."""

PageNumber = Annotated[int, Path(ge=1, le=10_000)]


@dataclass(frozen=True, slots=True)
class InboxListing(Listing):
    """The list's filters and order."""

    NEWEST_FIRST = True

    status: Annotated[InboxStatus, Query()] = "waiting"
    assigned: Annotated[Whose | Literal[""], Query()] = ""
    order: Annotated[Literal["received_at", "sender"], Query()] = "received_at"


ListQuery = Annotated[InboxListing, Depends()]


@router.get("")
async def listed(visit: Administrator, listing: ListQuery, paging: PageQuery) -> Response:
    params = {**listing.params(), **asdict(paging)}
    found, tabs = await asyncio.gather(
        visit.client.get("intake", address("inbox"), Page[InboxItem], params),
        desk.tabs(visit.client),
    )
    return visit.page(
        "inbox.html",
        groups=grouped(found.items),
        more=found.next_cursor,
        listing=listing,
        person=await people(visit.client, (one.handed_in_by for one in found.items)),
        tabs=tabs,
        now=visit.here.clock(),
    )


@router.get(".csv")
async def exported(visit: Administrator, listing: ListQuery) -> Response:
    language = visit.language
    found = await desk.list_all(
        visit.client, "intake", address("inbox"), Page[InboxItem], listing.params()
    )
    person = await people(visit.client, (one.handed_in_by for one in found))
    rows = [
        (
            *(one.received_at, one.subject, language.text(_form_of(one))),
            language.text(wording.KIND[one.kind]) if one.kind else None,
            *(one.sender or person(one.handed_in_by), one.person),
            one.assignment.by.name if one.assignment else None,
        )
        for one in found
    ]
    return desk.as_file("inbox", wording.EXPORTED["inbox"], rows, language)


@router.get("/{item_id}")
async def one(
    visit: Administrator, item_id: Id, after: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """`after`: the item that was settled just now."""
    item = await _item(visit.client, item_id)
    form = RegistrationForm.of_item(item)
    return await item_page(visit, item, form, after=after)


@router.post("/{item_id}")
async def settle(visit: Administrator, item_id: Id, submitted: Form) -> Response:
    form = RegistrationForm.of(submitted)
    try:
        if act := submitted.text(ASSIGN):
            await assign(visit.client, "inbox", item_id, act)
            return visit.redirect(visit.request.url.path)
        others = await _others(visit, await _item(visit.client, item_id))
        if submitted.text("do") == "dismiss":
            await _dismiss(visit.client, item_id, form, submitted.key)
        else:
            await _register(visit, item_id, form, submitted.key)
    except Refused as refused:
        item = await _item(visit.client, item_id)
        return await item_page(visit, item, form, refused)
    # It does not redirect to the request: approval has not received it yet.
    if not others:
        return visit.redirect(visit.request.url.path)
    there = f"{visit.here.layout.prefix}/inbox/{others[0].inbox_item_id}?after={item_id}"
    return visit.redirect(there)


@router.get("/{item_id}/documents/{document_id}")
async def document(visit: Administrator, item_id: Id, document_id: Id) -> Response:
    return await visit.client.forward("intake", _of_document(item_id, document_id))


@router.get("/{item_id}/documents/{document_id}/pages/{number}")
async def page(visit: Administrator, item_id: Id, document_id: Id, number: PageNumber) -> Response:
    return await visit.here.pictures.page(
        document_id, number, partial(_read, visit.client, item_id)
    )


async def item_page(
    visit: Visit,
    item: InboxItemInFull,
    form: RegistrationForm,
    refused: Refused | None = None,
    after: str = "",
) -> Response:
    path = address("inbox", item.inbox_item_id, "text")
    shown, text, others, before, person = await asyncio.gather(
        visit.here.pictures.shown(item.documents, partial(_read, visit.client, item.inbox_item_id)),
        visit.client.get("intake", path, InboxText),
        _others(visit, item),
        _settled(visit.client, after),
        people(visit.client, (item.handed_in_by, item.settled_by)),
    )
    return visit.page(
        "inbox_item.html",
        item=item,
        following=next(iter(others), None),
        same=[one for one in others if one.person and one.person == item.person],
        before=before,
        person=person,
        now=visit.here.clock(),
        shown=shown,
        text=text.text,
        rules=visit.here.rules_of(item.agency),
        form=form,
        refused=refused,
        faults=faults_of(refused),
        field_faults=field_faults(refused, field_of),
    )


def grouped(items: Sequence[InboxItem]) -> Sequence[Sequence[InboxItem]]:
    """Groups the items of one person, at the place of the first of them."""
    groups: dict[str, list[InboxItem]] = {}
    for one in items:
        groups.setdefault(one.person or one.inbox_item_id, []).append(one)
    return tuple(groups.values())


def _form_of(item: InboxItem) -> str:
    if item.bounce:
        return wording.NOTICE["failed"]
    return "Imbasan" if item.scan else wording.CHANNEL["email"]


async def _settled(client: VisitorClient, item_id: str) -> InboxItem | None:
    """The item that was settled before this one; None: there is none, or intake does not answer."""
    try:
        return await _item(client, item_id) if item_id else None
    except (Refused, Unavailable):
        return None


async def _others(visit: Visit, item: InboxItem) -> Sequence[InboxItem]:
    """The other waiting items that no colleague has taken: those of the same person first, then those after this one."""
    params = {"status": "waiting", "limit": MOST_WAITING}
    try:
        found = await visit.client.get("intake", address("inbox"), Page[InboxItem], params)
    except (Refused, Unavailable):
        return ()
    ids = [one.inbox_item_id for one in found.items]
    place = ids.index(item.inbox_item_id) + 1 if item.inbox_item_id in ids else 0
    others = [*found.items[place:], *found.items[:place]]
    free = [
        one
        for one in others
        if one.inbox_item_id != item.inbox_item_id
        and (one.assignment is None or one.assignment.by.subject == visit.visitor.subject)
    ]
    return sorted(free, key=lambda one: one.person is None or one.person != item.person)


async def _item(client: VisitorClient, item_id: str) -> InboxItemInFull:
    return await client.get("intake", address("inbox", item_id), InboxItemInFull)


async def _read(client: VisitorClient, item_id: str, document_id: str) -> Received:
    return await client.read("intake", _of_document(item_id, document_id))


def _of_document(item_id: str, document_id: str) -> Address:
    return address("inbox", item_id, "documents", document_id)


async def _register(visit: Visit, item_id: str, form: RegistrationForm, key: str) -> None:
    body = form.registration(visit.visitor).model_dump(mode="json", exclude_none=True)
    path = address("inbox", item_id, "registration")
    await visit.client.post("intake", path, body, RequestAccepted, key)


async def _dismiss(client: VisitorClient, item_id: str, form: RegistrationForm, key: str) -> None:
    if not (reason := form.value("reason").strip()):
        raise FormWrong(errors=(_NO_REASON,))
    path = address("inbox", item_id, "dismissal")
    await client.post("intake", path, {"reason": reason}, InboxItemDismissed, key)
