"""E-mail over HTTP, and the inbox of what a person must read."""

import asyncio
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page
from bmt.chassis.http.responses import JsonResponse, file_response
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.documents import DocumentStore, receive
from bmt.contracts.http.intake import (
    InboxItem,
    InboxItemAccepted,
    InboxItemDismissed,
    InboxItemInFull,
    InboxStatus,
    ReasonGiven,
    RequestAccepted,
)
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.requests import RegisterItem
from services.intake import answers, handlers
from services.intake.access import caller_of
from services.intake.api import BY_RECEPTION, WRONG, PageAsked, message
from services.intake.channels.media_types import EMAIL
from services.intake.delivering import Deliveries
from services.intake.domain.commands import DismissInboxItem, RegisterInboxItem
from services.intake.domain.errors import UnknownInboxItem
from services.intake.handlers import AssembleSubmission
from services.intake.queries import Inbox
from services.intake.reading.readers import Readers

Delivering = Annotated[CommandContext, Depends(command("administrator", "operator", streamed=True))]
Settling = Annotated[CommandContext, Depends(command("administrator"))]
Reading = Annotated[Principal, Depends(require("administrator"))]

_READ_AT_ONCE: Final = 4
"""Messages read at the same time: a large one takes some hundred megabytes while it is."""

_ONE_MESSAGE: Final = {
    "required": True,
    "content": {EMAIL: {"schema": {"type": "string", "format": "binary"}}},
}


def routes(
    execution: Execution[Any, Any],
    deliveries: Deliveries,
    inbox: Inbox,
    documents: DocumentStore,
    agencies: Agencies,
    readers: Readers,
    *,
    assemble_submission: AssembleSubmission,
    new_id: NewId,
    clock: Clock,
    most_bytes: int,
    authserv_id: str | None,
) -> APIRouter:
    """The routes of e-mails and the inbox; a message may have at most `most_bytes`.

    `authserv_id` is as of `handlers.receive_email`.
    """
    api = api_router(tags=["inbox"])
    reading = asyncio.Semaphore(_READ_AT_ONCE)

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
        openapi_extra={"requestBody": _ONE_MESSAGE},
        max_body_size=most_bytes,
    )
    async def deliver(request: Request, context: Delivering) -> JsonResponse:
        _require_message(request)
        received = await receive(request.stream(), most_bytes)
        async with reading:
            with received.content:
                content = _not_empty(received.content.read())
            context = context.of_body("POST", "/v1/emails", received.digest)
            opened = await readers.mail(content)
            home, caller = handlers.office_of(caller_of(context.principal), opened, agencies)
            take = partial(
                handlers.receive_email,
                content,
                opened,
                home,
                caller,
                documents,
                assemble_submission,
                new_id,
                clock,
                authserv_id=authserv_id,
            )
            executed = await deliveries.take_in(content, home.code, context, take)
        if not answers.was_registered(executed.commit):
            return answer(executed, answers.inbox_item_accepted(executed.commit), 202)
        accepted = answers.request_accepted(executed.commit)
        return answer(executed, accepted, 201, answers.location(executed.commit))

    @api.get("/v1/inbox", summary="What waits for a person, or waited, the newest first")
    async def find(
        principal: Reading,
        page: PageAsked,
        status: Annotated[InboxStatus | None, Query(description="default: all")] = None,
    ) -> Page[InboxItem]:
        asked = {"status": status} if status is not None else {}
        found = await inbox.find(principal.agency, asked, page)
        told = BY_RECEPTION.page(found, page, lambda d: (d.received_at, d.inbox_item_id))
        items = [answers.inbox_item(document) for document in told.items]
        return Page(items=items, next_cursor=told.next_cursor)

    @api.get(
        "/v1/inbox/{inbox_item_id}",
        responses=problems("not_found"),
        summary="A message, what was understood of it, and what is missing",
    )
    async def look(inbox_item_id: Id, principal: Reading) -> InboxItemInFull:
        found = await inbox.get(inbox_item_id, principal.agency)
        if found is None:
            raise UnknownInboxItem
        return answers.inbox_item_in_full(found)

    @api.get(
        "/v1/inbox/{inbox_item_id}/documents/{document_id}",
        responses=problems("not_found"),
        response_class=Response,
        summary="The message itself, or one of its attachments, byte for byte",
    )
    async def document(inbox_item_id: Id, document_id: Id, principal: Reading) -> Response:
        found = await inbox.document(inbox_item_id, document_id, principal.agency)
        if found is None:
            raise UnknownInboxItem
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
        submission = await assemble_submission(body, body.channel, caller_of(context.principal))
        what = RegisterInboxItem(inbox_item_id, submission)
        executed = await execution.execute(message(inbox_item_id, context, what))
        accepted = answers.request_accepted(executed.commit)
        return answer(executed, accepted, 201, answers.location(executed.commit))

    @api.post(
        "/v1/inbox/{inbox_item_id}/dismissal",
        status_code=201,
        response_model=InboxItemDismissed,
        responses=problems("not_found", "request_closed"),
        summary="Say that a message is no request; it stays where it is",
    )
    async def dismiss(inbox_item_id: Id, body: ReasonGiven, context: Settling) -> JsonResponse:
        what = DismissInboxItem(body.reason, caller_of(context.principal), clock())
        executed = await execution.execute(message(inbox_item_id, context, what))
        return answer(executed, answers.inbox_item_dismissed(executed.commit), 201)

    return api


def _require_message(request: Request) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != EMAIL:
        wrong = FieldError.of("/header/content-type", "kind_not_taken", kinds=(EMAIL,))
        raise Refused(wrong.detail, problem="unsupported_media_type", errors=(wrong,))


def _not_empty(content: bytes) -> bytes:
    if not content:
        wrong = FieldError.of("", "nothing_in_it")
        raise Refused(wrong.detail, errors=(wrong,))
    return content
