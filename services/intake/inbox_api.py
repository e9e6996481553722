"""E-mails, scans and the inbox over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import JsonValue
from starlette.responses import Response

from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page
from bmt.chassis.http.responses import JsonResponse, file_response
from bmt.chassis.runtime.documents import DocumentStore, receive
from bmt.contracts.http.intake import (
    InboxItem,
    InboxItemAccepted,
    InboxItemDismissed,
    InboxItemInFull,
    InboxStatus,
    InboxText,
    ReasonGiven,
    RequestAccepted,
    ScanAccepted,
)
from bmt.contracts.requests import RegisterItem
from bmt.contracts.values import PaperChannel
from bmt.pages.language import Code, told
from services.intake import answers
from services.intake.access import caller_of
from services.intake.api import BY_RECEPTION, WRONG, PageAsked, raw_body
from services.intake.channels.labels import LABELS
from services.intake.channels.media_types import EMAIL, JPEG, PDF, PNG, TIFF
from services.intake.channels.upload import document_of, kind_not_taken, nothing_in_it
from services.intake.delivering import Deliveries
from services.intake.domain.errors import UnknownInboxItem
from services.intake.domain.events import Missing
from services.intake.domain.request import DismissInboxItem, RegisterInboxItem, request_stream
from services.intake.handlers import Reception
from services.intake.papers import MOST_PAGES
from services.intake.queries import Inbox
from services.intake.reading.readers import Readers
from services.intake.scanning.reception import Scans
from services.intake.views import InboxDocument

Delivering = Annotated[CommandContext, Depends(command("administrator", "operator", streamed=True))]
Settling = Annotated[CommandContext, Depends(command("administrator"))]
Reading = Annotated[Principal, Depends(require("administrator"))]
Scanning = Annotated[CommandContext, Depends(command("administrator", streamed=True))]
Languages = Annotated[str, Header(alias="Accept-Language", max_length=500)]

Found = TypeVar("Found")

SCANNED: Final = (PDF, TIFF, JPEG, PNG)

_READ_AT_ONCE: Final = 4
"""Concurrent readings: a large message takes some hundred megabytes."""
_TEXTS_AT_ONCE: Final = 2
"""Concurrent readings for the text alone."""


def routes(
    execution: Execution[Any, Any],
    deliveries: Deliveries,
    inbox: Inbox,
    documents: DocumentStore,
    readers: Readers,
    reception: Reception,
    most_bytes: int,
) -> APIRouter:
    """The routes of e-mails and the inbox; a message may have at most `most_bytes`."""
    api = api_router(tags=["inbox"])
    reading = asyncio.Semaphore(_READ_AT_ONCE)
    reading_text = asyncio.Semaphore(_TEXTS_AT_ONCE)

    @api.post(
        "/v1/emails",
        status_code=201,
        response_model=RequestAccepted,
        responses={
            202: {"model": InboxItemAccepted, "description": "It waits for a person, whole."},
            **problems("channel_not_allowed", "too_large", "unsupported_media_type"),
        },
        summary="Hand in an e-mail message as it came",
        description="A message whose labelled lines (or attached form) are filled in becomes a "
        "request; anything else waits in the agency's inbox. The message is kept whole. The same message "
        "again (the same Message-ID and body, whatever the key) gets the first answer again.",
        openapi_extra={"requestBody": raw_body((EMAIL,))},
        max_body_size=most_bytes,
    )
    async def deliver(request: Request, context: Delivering) -> JsonResponse:
        _require_type(request, (EMAIL,))
        received = await receive(request.stream(), most_bytes)
        async with reading:
            with received.content:
                content = _not_empty(received.content.read())
            context = context.of_body("POST", "/v1/emails", received.digest)
            executed = await deliveries.take_in(content, context)
        if not answers.was_registered(executed.commit):
            accepted = InboxItemAccepted(inbox_item_id=executed.commit.subject)
            return answer(executed, accepted, 202)
        return answers.request_accepted(executed)

    @api.get("/v1/inbox", summary="What waits for a person, or waited, the newest first")
    async def find(
        principal: Reading,
        page: PageAsked,
        status: Annotated[InboxStatus | None, Query(description="default: all")] = None,
    ) -> Page[InboxItem]:
        asked = {"status": status} if status is not None else {}
        found = await inbox.find(principal.agency, asked, page)
        shown = BY_RECEPTION.page(found, page, lambda d: (d.received_at, d.inbox_item_id))
        items = [answers.inbox_item(document) for document in shown.items]
        return Page(items=items, next_cursor=shown.next_cursor)

    @api.get(
        "/v1/inbox/{inbox_item_id}",
        responses=problems("not_found"),
        summary="A message, what was understood of it, and what is missing",
    )
    async def look(inbox_item_id: Id, principal: Reading) -> InboxItemInFull:
        return answers.inbox_item_in_full(_known(await inbox.get(inbox_item_id, principal.agency)))

    @api.get(
        "/v1/inbox/{inbox_item_id}/documents/{document_id}",
        responses=problems("not_found"),
        response_class=Response,
        summary="The message itself, or one of its attachments, byte for byte",
    )
    async def document(inbox_item_id: Id, document_id: Id, principal: Reading) -> Response:
        found = _known(await inbox.document(inbox_item_id, document_id, principal.agency))
        _, chunks = await documents.open(document_id)
        return file_response(
            chunks,
            filename=found.filename,
            media_type=found.media_type,
            size_bytes=found.size_bytes,
        )

    @api.post(
        "/v1/inbox/{inbox_item_id}/registration",
        status_code=201,
        response_model=RequestAccepted,
        responses=problems(*WRONG, "not_found", "request_closed"),
        summary="Fill in the request that a message is",
        description="The request has the item's id; the message and its attachments are its first "
        "documents.",
    )
    async def register(inbox_item_id: Id, body: RegisterItem, context: Settling) -> JsonResponse:
        caller = caller_of(context.principal)
        submission = await reception.assemble_submission(body, body.channel, caller)
        registering = RegisterInboxItem(inbox_item_id, submission)
        stream = request_stream(inbox_item_id)
        executed = await execution.execute(context.to_command(stream, registering))
        return answers.request_accepted(executed)

    @api.post(
        "/v1/inbox/{inbox_item_id}/dismissal",
        status_code=201,
        response_model=InboxItemDismissed,
        responses=problems("not_found", "request_closed"),
        summary="Say that a message is no request; it stays where it is",
    )
    async def dismiss(inbox_item_id: Id, body: ReasonGiven, context: Settling) -> JsonResponse:
        caller = caller_of(context.principal)
        dismissing = DismissInboxItem(body.reason, caller, reception.clock())
        stream = request_stream(inbox_item_id)
        executed = await execution.execute(context.to_command(stream, dismissing))
        return answer(executed, InboxItemDismissed(inbox_item_id=inbox_item_id), 201)

    @api.get(
        "/v1/inbox/{inbox_item_id}/text",
        responses=problems("not_found"),
        summary="What a reader of the message sees, as plain text, and why it waits; empty where it has no text",
    )
    async def text(
        inbox_item_id: Id, principal: Reading, accept_language: Languages = ""
    ) -> InboxText:
        found = _known(await inbox.get(inbox_item_id, principal.agency))
        reason = _why_it_waits(found, _language(accept_language))
        whole = found.documents[0]
        if whole.media_type != EMAIL:
            return InboxText(text="", reason=reason)
        async with reading_text:
            _, chunks = await documents.open(whole.document_id)
            content = await _beginning(chunks, most_bytes)
            return InboxText(text=await readers.text(content), reason=reason)

    return api


def _known(found: Found | None) -> Found:
    if found is None:
        raise UnknownInboxItem
    return found


def _not_empty(content: bytes) -> bytes:
    if not content:
        raise nothing_in_it()
    return content


async def _beginning(chunks: AsyncIterator[bytes], most_bytes: int) -> bytes:
    taken: list[bytes] = []
    async for chunk in chunks:
        taken.append(chunk[: most_bytes - sum(map(len, taken))])
        if not taken[-1]:
            break
    return b"".join(taken)


def _why_it_waits(found: InboxDocument, language: Code) -> str | None:
    """The reason in one sentence; the labels of several fields."""
    if found.status != "waiting" or not found.missing:
        return None
    fields = dict.fromkeys(one.field for one in found.missing)
    reason = found.missing[0]
    if len(fields) > 1:
        labels = (" / ".join(LABELS[name][:2]) if name in LABELS else name for name in fields)
        reason = Missing.of("message", "lines_unclear", labels=", ".join(labels))
    return told(reason, language)


def _language(accept_language: str) -> Code:
    """The preferred one of our two languages; Malay if neither is accepted (RFC 9110, 12.5.4)."""
    asked = [part.partition(";q=") for part in accept_language.lower().replace(" ", "").split(",")]
    for tag, _, _ in sorted(asked, key=lambda one: -_weight(one[2])):
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


def scan_routes(scans: Scans, most_bytes: int) -> APIRouter:
    """The route of scans; one may have at most `most_bytes`."""
    api = api_router(tags=["inbox"])

    @api.post(
        "/v1/scans",
        status_code=201,
        response_model=ScanAccepted,
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
        request: Request,
        context: Scanning,
        channel: Annotated[
            PaperChannel | None, Query(description="of the papers whose code tells none")
        ] = None,
    ) -> JsonResponse:
        _require_type(request, SCANNED, allowed=list(SCANNED))
        home = scans.home_of(caller_of(context.principal), channel)
        received = await receive(request.stream(), most_bytes)
        with received.content:
            headers = request.headers
            batch = await document_of(
                received, headers.get("content-type", ""), headers.get("content-disposition")
            )
            context = context.of_body("POST", f"/v1/scans?channel={channel or ''}", received.digest)
            executed = await scans.take_in(received, batch, channel, home, context)
        scan = executed.commit.events[0].data
        items = tuple(paper["inbox_item_id"] for paper in scan["papers"])
        return answer(executed, ScanAccepted(inbox_items=items, pages=scan["page_count"]), 201)

    return api


def _require_type(request: Request, kinds: tuple[str, ...], **extra: JsonValue) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared not in kinds:
        raise kind_not_taken(kinds, **extra)
