"""The form that registers an item of the inbox, or corrects a request: what it begins with, what was typed, what it asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id, Page
from bmt.chassis.runtime.documents import DocumentStore
from bmt.contracts.http.approval import RequestUnderReview
from bmt.contracts.http.intake import (
    InboxItem,
    InboxItemDismissed,
    InboxItemInFull,
    InboxStatus,
    InboxText,
    RequestAccepted,
)
from bmt.contracts.problems import STATUS, FieldError, Refused
from bmt.contracts.requests import CorrectionHandedIn, RegisterItem
from bmt.pages.forms import FormWrong, Sent, all_told, new_key, sent, validated
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from bmt.pages.sizes import in_gigabytes, read_sizes
from services.approval.console import wording
from services.approval.console.clients import ServiceClients, VisitorClient, address
from services.approval.console.documents import Originals, file_of, named, picture_of

_OF_APPLICANT: Final = ("account", "name", "email")
_SIZES: Final = ("quota_bytes", "max_file_size_bytes")
_FIELDS: Final = ("kind", "channel", "reply_through", "justification", *_OF_APPLICANT, *_SIZES)
_REASON: Final = "correction_reason"
_ENDS: Final = ("penamatan", "termination")


@dataclass(frozen=True, slots=True)
class RegistrationForm:
    """What stands in the form.

    Attributes:
        key: names this one form for ever.
        typed: by field; sizes in gigabytes, as people write them.
    """

    key: str = field(default_factory=new_key)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_item(cls, item: InboxItemInFull) -> "RegistrationForm":
        """With what the item itself says, and nothing else; a person looks at it beside the original.

        Neither who wrote the message nor who scanned the paper need be the applicant.
        """
        understood = item.understood
        typed = {name: understood.get(name, "") for name in _FIELDS}
        kind = typed["kind"].casefold()
        typed["kind"] = "termination" if any(end in kind for end in _ENDS) else "application"
        typed |= {name: _number(typed[name]) for name in _SIZES}
        return cls(new_key(), typed)

    @classmethod
    def of_review(cls, review: RequestUnderReview) -> "RegistrationForm":
        """With what a request says now, to be corrected."""
        typed = {
            "kind": review.kind,
            "channel": review.channel,
            "reply_through": review.reply_through,
            "justification": review.justification,
            **{name: getattr(review.applicant, name) for name in _OF_APPLICANT},
            **{name: in_gigabytes(getattr(review, name)) for name in _SIZES},
        }
        return cls(new_key(), typed)

    @classmethod
    def of(cls, sent: Sent) -> "RegistrationForm":
        """As it was sent; what is filled in differently next time is another form."""
        return cls(new_key(), {name: sent.text(name) for name in (*_FIELDS, "reason", _REASON)})

    def value(self, name: str) -> str:
        """What stands in a field."""
        return self.typed.get(name, "")

    def registration(self, visitor: Principal) -> RegisterItem:
        """What it asks for, at the visitor's agency.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults: list[FieldError] = []
        return validated(
            RegisterItem, self._told(visitor.agency, self.value("kind"), faults), faults
        )

    def correction(
        self, review: RequestUnderReview, documents: Sequence[str], further: Sequence[FieldError]
    ) -> CorrectionHandedIn:
        """What the request should have been, with these documents; `further` is what is wrong beside the fields.

        Raises:
            FormWrong: naming every field that is wrong.
        """
        faults: list[FieldError] = []
        told = self._told(review.agency, review.kind, faults) | {"documents": documents}
        if reason := self.value(_REASON).strip():
            told[_REASON] = reason
        elif review.status == "received":
            faults.append(FieldError.of(f"/{_REASON}", "correction_reason_needed"))
        return validated(CorrectionHandedIn, told, (*faults, *further))

    def _told(self, agency: str, kind: str, faults: list[FieldError]) -> dict[str, Any]:
        told: dict[str, Any] = {
            "kind": kind,
            "agency": agency,
            "channel": self.value("channel"),
            "applicant": {name: self.value(name).strip() for name in _OF_APPLICANT},
            "justification": self.value("justification").strip(),
        }
        if reply := self.value("reply_through"):
            told["reply_through"] = reply
        if told["kind"] == "application":
            told |= read_sizes({name: self.value(name) for name in _SIZES}, faults)
        return told


def field_of(pointer: str) -> str:
    """The field that a pointer leads to: an applicant's stand by themselves, and documents are attached."""
    return "attached" if pointer.startswith("/documents") else pointer.rpartition("/")[2]


def faults_of(refused: Refused | None) -> dict[str, FieldError]:
    """What is wrong with each field, by the last step of its pointer: an applicant's fields stand by themselves."""
    errors = refused.errors if refused else ()
    return {field_of(fault.pointer): fault for fault in errors if fault.pointer}


def _number(written: str) -> str:
    """A size as the form wants it, where it was written in gigabytes; else as it was written."""
    bare = written.strip()
    return bare[:-2].strip() if bare.casefold().endswith("gb") else bare


# The inbox' pages: what waits, and one item beside its form.


_SEE_OTHER: Final = 303
_OK: Final = 200

_NO_REASON: Final = FieldError.of("/reason", "reason_for_inbox")


class _Items(Page[InboxItem]):
    """A page of the inbox."""


Form = Annotated[Sent, Depends(sent)]
Number = Annotated[int, Path(ge=1, le=10_000)]


class InboxDesk:
    """Lays out the inbox."""

    def __init__(self, layout: Layout, originals: Originals, agencies: Agencies) -> None:
        self._layout = layout
        self._originals = originals
        self._agencies = agencies

    def listed(self, request: Request, found: Page[InboxItem], status: InboxStatus) -> Response:
        """What waits for a person, or what became of it."""
        return self._layout.page(
            request,
            "inbox.html",
            found=found.items,
            more=found.next_cursor,
            chosen=status,
            wording=wording,
        )

    async def item(
        self,
        request: Request,
        item: InboxItemInFull,
        visitor_client: VisitorClient,
        form: RegistrationForm,
        refused: Refused | None = None,
    ) -> Response:
        """An item beside its form."""
        return self._layout.page(
            request,
            "inbox_item.html",
            STATUS[refused.problem] if refused else _OK,
            item=item,
            shown=await self._originals.shown(item.documents),
            text=await _text_of(item, visitor_client),
            rules=self._agencies.get(item.agency).rules if item.agency in self._agencies else None,
            form=form,
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused, field_of),
            wording=wording,
        )


def routes(
    layout: Layout,
    service_clients: ServiceClients,
    originals: Originals,
    documents: DocumentStore,
    agencies: Agencies,
    admitted: Admitted,
) -> APIRouter:
    """The pages below `/inbox`."""
    routes = APIRouter(prefix="/inbox", dependencies=[Depends(admitted)])
    desk = InboxDesk(layout, originals, agencies)

    @routes.get("")
    async def listed(
        request: Request,
        status: InboxStatus = "waiting",
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        asked = {"status": status, "cursor": cursor}
        found = await service_clients.visitor_client(request).get(
            "intake", address("inbox"), _Items, asked
        )
        return desk.listed(request, found, status)

    @routes.get("/{item_id}")
    async def one(
        request: Request,
        item_id: Id,
    ) -> Response:
        visitor_client = service_clients.visitor_client(request)
        item = await _item(visitor_client, item_id)
        return await desk.item(request, item, visitor_client, RegistrationForm.of_item(item))

    @routes.post("/{item_id}")
    async def settle(
        request: Request, item_id: Id, visitor: Annotated[Principal, Depends(admitted)], told: Form
    ) -> Response:
        visitor_client = service_clients.visitor_client(request)
        form = RegistrationForm.of(told)
        try:
            if told.text("do") == "dismiss":
                await _dismiss(visitor_client, item_id, form, told.key)
            else:
                await _register(visitor_client, item_id, form, visitor, told.key)
        except Refused as refused:
            item = await _item(visitor_client, item_id)
            return await desk.item(request, item, visitor_client, form, refused)
        # Not to the request yet: approval hears of it in a moment.
        return RedirectResponse(request.url.path, _SEE_OTHER)

    @routes.get("/{item_id}/documents/{document_id}")
    async def document(
        request: Request,
        item_id: Id,
        document_id: Id,
    ) -> Response:
        item = await _item(service_clients.visitor_client(request), item_id)
        return await file_of(named(item.documents, document_id), documents)

    @routes.get("/{item_id}/documents/{document_id}/pages/{number}")
    async def page(
        request: Request,
        item_id: Id,
        document_id: Id,
        number: Number,
    ) -> Response:
        item = await _item(service_clients.visitor_client(request), item_id)
        return await picture_of(named(item.documents, document_id), number, originals)

    return routes


async def _item(visitor_client: VisitorClient, item_id: str) -> InboxItemInFull:
    return await visitor_client.get("intake", address("inbox", item_id), InboxItemInFull)


async def _text_of(item: InboxItemInFull, visitor_client: VisitorClient) -> str:
    path = address("inbox", item.inbox_item_id, "text")
    return (await visitor_client.get("intake", path, InboxText)).text


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
