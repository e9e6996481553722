"""The HTTP API of the inbox: e-mails and scans that are handed in, and the items that wait for a person."""

import asyncio
from typing import Annotated, Final, TypeVar, get_args

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import AwareDatetime, JsonValue
from starlette.responses import Response

from bmt.agencies import assignments
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse, file_response
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.http.sorting import SortedPage, Sorting
from bmt.chassis.readmodels.view_store import Query as ViewQuery
from bmt.chassis.runtime.documents import receive
from bmt.contracts.events import RegisterItem
from bmt.contracts.faults import OF_FIELDS
from bmt.contracts.http import intake
from bmt.contracts.http.assignments import Whose
from bmt.contracts.values import PaperChannel
from bmt.wording.bilingual import Code, fault_sentence, label_in
from services.intake.api import WRONG, raw_body, request_accepted
from services.intake.channels.email_form import proposed_kind
from services.intake.channels.labels import LABELS
from services.intake.channels.media_types import EMAIL, JPEG, PDF, PNG, TIFF
from services.intake.documents import declared_type, document_of, kind_not_taken, nothing_in_it
from services.intake.domain.errors import UnknownInboxItem
from services.intake.domain.events import Missing
from services.intake.domain.request import DismissInboxItem, RegisterInboxItem, request_stream
from services.intake.domain.submission import address_in
from services.intake.emails import was_registered
from services.intake.papers import MOST_PAGES
from services.intake.ports import Here, Ports
from services.intake.queries import caller_of
from services.intake.views import InboxDocument

Delivering = Annotated[CommandContext, Depends(command("administrator", "operator", streamed=True))]
Settling = Annotated[CommandContext, Depends(command("administrator"))]
Reading = Annotated[Principal, Depends(require("administrator"))]
Scanning = Annotated[CommandContext, Depends(command("administrator", streamed=True))]
Languages = Annotated[str, Header(alias="Accept-Language", max_length=500)]
OfStatus = Annotated[intake.InboxStatus | None, Query(description="default: all")]
OfChannel = Annotated[PaperChannel | None, Query(description="of the papers whose code tells none")]

ITEMS: Final = Sorting({"received_at": AwareDatetime, "sender": str}, newest_first=True)
ItemsPage = Annotated[SortedPage, Depends(ITEMS.requested)]

SCANNED: Final = (PDF, TIFF, JPEG, PNG)


_READ_AT_ONCE: Final = 4
"""Concurrent readings: a large message takes some hundred megabytes."""


def emails(most_bytes: int) -> APIRouter:
    """The route of e-mails. A setting limits the size of a message, and the decorator the size of the body."""
    router = api_router(tags=["inbox"])
    reading = asyncio.Semaphore(_READ_AT_ONCE)

    @router.post(
        "/v1/emails",
        status_code=201,
        response_model=intake.RequestAccepted,
        responses={
            202: {
                "model": intake.InboxItemAccepted,
                "description": "It waits for a person, whole.",
            },
            **problems("channel_not_allowed", "too_large", "unsupported_media_type"),
        },
        summary="Hand in an e-mail message as it came",
        description="A message whose labelled lines (or attached form) are filled in becomes a "
        "request; anything else waits in the agency's inbox. The message is kept whole. The same message "
        "again (the same Message-ID and body, whatever the key) gets the first answer again.",
        openapi_extra={"requestBody": raw_body((EMAIL,))},
        max_body_size=most_bytes,
    )
    async def deliver(here: Here, request: Request, context: Delivering) -> JsonResponse:
        _require_type(request, (EMAIL,))
        received = await receive(request.stream(), most_bytes)
        with received.content:
            if not received.size_bytes:
                raise nothing_in_it()
            context = context.of_body("POST", "/v1/emails", received.digest)
            async with reading:
                executed = await here.emails.take_in(received, context)
        if not was_registered(executed.commit):
            accepted = intake.InboxItemAccepted(inbox_item_id=executed.commit.subject)
            return answer(executed, accepted, 202)
        return request_accepted(executed)

    return router


router = api_router(tags=["inbox"])


@router.get("/v1/inbox", summary="What waits for a person, or waited, the newest first")
async def find(
    here: Here,
    principal: Reading,
    page: ItemsPage,
    status: OfStatus = None,
    assigned: Annotated[
        Whose | None, Query(description="only what the caller has taken, or what nobody has")
    ] = None,
) -> Page[intake.InboxItem]:
    query = ViewQuery(
        equal={"agency": principal.agency},
        one_of={"status": get_args(intake.InboxStatus) if status is None else (status,)},
        order_by=page.order,
        descending=page.descending,
        after=page.after,
        limit=page.lookahead,
    )
    found = await here.inbox.find(await here.assignments.filtered(query, assigned, principal))
    found_page = ITEMS.page(found, page, lambda d: (getattr(d, page.order), d.inbox_item_id))
    items = await here.assignments.with_assignments(
        [shown(document, intake.InboxItem) for document in found_page.items],
        lambda one: one.inbox_item_id,
    )
    return Page(items=items, next_cursor=found_page.next_cursor)


@router.get(
    "/v1/inbox/{inbox_item_id}",
    responses=problems("not_found"),
    summary="A message, what was understood of it, and what is missing",
)
async def look(here: Here, inbox_item_id: Id, principal: Reading) -> intake.InboxItemInFull:
    item = shown(await _known(here, inbox_item_id, principal), intake.InboxItemInFull)
    return (await here.assignments.with_assignments([item], lambda one: one.inbox_item_id))[0]


async def _taken(here: Here, inbox_item_id: Id, principal: Reading) -> str:
    return (await _known(here, inbox_item_id, principal)).inbox_item_id


assignment = assignments.routes("/v1/inbox/{inbox_item_id}/assignment", "inbox", _taken)


@router.get(
    "/v1/inbox/{inbox_item_id}/documents/{document_id}",
    responses=problems("not_found"),
    response_class=Response,
    summary="The message itself, or one of its attachments, byte for byte",
)
async def document(here: Here, inbox_item_id: Id, document_id: Id, principal: Reading) -> Response:
    item = await _known(here, inbox_item_id, principal)
    documents = (*item.documents, *([item.scan.batch] if item.scan else ()))
    found = next((one for one in documents if one.document_id == document_id), None)
    if found is None:
        raise UnknownInboxItem
    _, chunks = await here.documents.open(document_id)
    return file_response(
        chunks,
        filename=found.filename,
        media_type=found.media_type,
        size_bytes=found.size_bytes,
    )


@router.post(
    "/v1/inbox/{inbox_item_id}/registration",
    status_code=201,
    response_model=intake.RequestAccepted,
    responses=problems(*WRONG, "not_found", "request_closed"),
    summary="Fill in the request that a message is",
    description="The request has the item's id; the message and its attachments are its first "
    "documents.",
)
async def register(
    here: Here, inbox_item_id: Id, body: RegisterItem, context: Settling
) -> JsonResponse:
    caller = caller_of(context.principal)
    submission = await here.reception.assemble_submission(body, body.channel, caller)
    registering = RegisterInboxItem(inbox_item_id, submission)
    stream = request_stream(inbox_item_id)
    executed = await here.execution.execute(context.to_command(stream, registering))
    return request_accepted(executed)


@router.post(
    "/v1/inbox/{inbox_item_id}/dismissal",
    status_code=201,
    response_model=intake.InboxItemDismissed,
    responses=problems("not_found", "request_closed"),
    summary="Say that a message is no request; it stays where it is",
)
async def dismiss(
    here: Here, inbox_item_id: Id, body: intake.ReasonGiven, context: Settling
) -> JsonResponse:
    dismissing = DismissInboxItem(body.reason, caller_of(context.principal), here.clock())
    stream = request_stream(inbox_item_id)
    executed = await here.execution.execute(context.to_command(stream, dismissing))
    return answer(executed, intake.InboxItemDismissed(inbox_item_id=inbox_item_id), 201)


@router.get(
    "/v1/inbox/{inbox_item_id}/text",
    responses=problems("not_found"),
    summary="What a reader of the message sees, as plain text, and why it waits; empty where it has no text",
)
async def text(
    here: Here, inbox_item_id: Id, principal: Reading, accept_language: Languages = ""
) -> intake.InboxText:
    found = await _known(here, inbox_item_id, principal)
    reason = why_it_waits(found, _language(accept_language))
    whole = found.documents[0]
    if whole.media_type != EMAIL:
        return intake.InboxText(text="", reason=reason)
    return intake.InboxText(text=await here.emails.text_of(whole.document_id), reason=reason)


async def _known(here: Ports, inbox_item_id: str, principal: Principal) -> InboxDocument:
    found = await here.inbox.get(inbox_item_id)
    if found is None or found.agency != principal.agency:
        raise UnknownInboxItem
    return found


Shown = TypeVar("Shown", bound=intake.InboxItem)


def shown(document: InboxDocument, model: type[Shown]) -> Shown:
    """An inbox item as a list shows it, or with all that was understood of it."""
    fields = document.model_dump(include=set(model.model_fields))
    fields["document_id"] = document.documents[0].document_id
    # The kind that it names; None if it names none, several, or what it is not.
    fields["kind"] = proposed_kind(document.understood.get("kind", ""))
    fields["person"] = _person_of(document)
    if document.scan is not None:
        # Old scanned papers name the person who scanned them as their sender.
        fields |= {"sender": "", "handed_in_by": document.handed_in_by or document.sender}
    return model.model_validate(fields)


_OTHER_LABELS: Final = {"channel": ("saluran", "channel"), "message": ("mesej", "message")}


def _person_of(document: InboxDocument) -> str | None:
    """A bounced notice comes from a machine: who it was for is not known."""
    if document.bounce is not None:
        return None
    sender = "" if document.scan else address_in(document.sender)
    named = document.understood.get("account") or document.understood.get("email") or sender
    return named.strip().casefold() or None


def why_it_waits(found: InboxDocument, language: Code) -> str | None:
    """The reason in one sentence; the labels of several fields."""
    if found.status != "waiting" or not found.missing:
        return None
    # Another agency's message has further faults, which only that agency can mend.
    decisive = (one for one in found.missing if one.code == "for_other_agency")
    reason = next(decisive, found.missing[0])
    fields = dict.fromkeys(one.field for one in found.missing)
    if len(fields) > 1 and reason.code != "for_other_agency":
        return fault_sentence(
            Missing.of("message", "lines_unclear", labels=tuple(map(_label, fields))), language
        )
    sentence = fault_sentence(reason, language)
    # The sentences of fields say what is wrong, not where.
    needs_label = reason.code in OF_FIELDS and reason.field in LABELS
    return f"{label_in(_label(reason.field), language)}: {sentence}" if needs_label else sentence


def _label(field: str) -> str:
    names = LABELS.get(field, _OTHER_LABELS.get(field, (field,)))[:2]
    return " / ".join(names).capitalize()


def _language(accept_language: str) -> Code:
    """The preferred one of our two languages; Malay if neither is accepted (RFC 9110, 12.5.4)."""
    preferred = [
        part.partition(";q=") for part in accept_language.lower().replace(" ", "").split(",")
    ]
    for tag, _, _ in sorted(preferred, key=lambda one: -_weight(one[2])):
        if tag[:2] == "en":
            return "en"
        if tag[:2] == "ms":
            return "ms"
    return "ms"


def _weight(quality: str) -> float:
    try:
        return float(quality or 1)
    except ValueError:
        return 0.0


def scans(most_bytes: int) -> APIRouter:
    """The route of scans. A setting limits the size of a scan, and the decorator the size of the body."""
    router = api_router(tags=["inbox"])

    @router.post(
        "/v1/scans",
        status_code=201,
        response_model=intake.ScanAccepted,
        responses=problems(
            "forbidden",
            "too_large",
            "unsupported_media_type",
            "validation_failed",
            "channel_not_allowed",
        ),
        summary="Hand in scanned paper",
        description=f"The raw bytes, at most {most_bytes} and {MOST_PAGES} pages. The batch is taken "
        "apart wherever a page bears a code of ours: a printed form, a cover sheet (which is left "
        "out), a paper about a request. Each paper waits in the inbox; the batch is kept whole.",
        openapi_extra={"requestBody": raw_body(SCANNED)},
        max_body_size=most_bytes,
    )
    async def scan(
        here: Here, request: Request, context: Scanning, channel: OfChannel = None
    ) -> JsonResponse:
        _require_type(request, SCANNED, allowed=list(SCANNED))
        home = here.scans.home_of(caller_of(context.principal), channel)
        received = await receive(request.stream(), most_bytes)
        with received.content:
            batch = await document_of(received, request.headers)
            context = context.of_body("POST", f"/v1/scans?channel={channel or ''}", received.digest)
            executed = await here.scans.take_in(received, batch, channel, home, context)
        scan = executed.commit.events[0].data
        items = tuple(paper["inbox_item_id"] for paper in scan["papers"])
        return answer(
            executed, intake.ScanAccepted(inbox_items=items, pages=scan["page_count"]), 201
        )

    return router


def _require_type(request: Request, kinds: tuple[str, ...], **extra: JsonValue) -> None:
    if declared_type(request.headers) not in kinds:
        raise kind_not_taken(kinds, **extra)
