"""Requests and documents over HTTP."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, bearer_token, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime.documents import receive
from bmt.contracts.http.intake import (
    DocumentStored,
    ReasonGiven,
    RequestAccepted,
    RequestStatus,
    WithdrawalAccepted,
)
from bmt.contracts.requests import CorrectionHandedIn, SubmitRequest
from bmt.contracts.values import Status
from services.intake import answers
from services.intake.access import EVERYBODY, audience_of, caller_of
from services.intake.channels.media_types import ALLOWED
from services.intake.channels.upload import Uploads
from services.intake.correcting import Corrections
from services.intake.domain.errors import UnknownRequest
from services.intake.domain.request import WithdrawRequest, request_stream
from services.intake.handlers import Reception
from services.intake.queries import Requests
from services.intake.views import RequestDocument

BY_RECEPTION: Final = Paging(tuple[AwareDatetime, str])

Submitting = Annotated[CommandContext, Depends(command("applicant", "administrator"))]
Reading = Annotated[
    Principal, Depends(require("applicant", "administrator", "operator", "auditor"))
]
PageAsked = Annotated[PageRequest[tuple[datetime, str]], Depends(BY_RECEPTION)]

WRONG: Final = (
    "forbidden",
    "validation_failed",
    "channel_not_allowed",
    "quota_exceeds_maximum",
    "document_unknown",
    "account_of_other_agency",
)
CLOSED: Final = ("not_found", "already_decided", "request_closed")
Uploading = Annotated[
    CommandContext,
    Depends(command("applicant", "administrator", "operator", "integrator", streamed=True)),
]


def document_routes(uploads: Uploads, most_bytes: int) -> APIRouter:
    """The routes of documents; one may have at most `most_bytes`."""
    api = api_router(tags=["documents"])

    @api.post(
        "/v1/documents",
        status_code=201,
        response_model=DocumentStored,
        responses=problems("too_large", "unsupported_media_type", "validation_failed"),
        summary="Upload a document",
        description=f"The raw bytes, at most {most_bytes}, with their Content-Type; the name goes "
        "into Content-Disposition (RFC 6266). The content must be what it says. The answer's "
        "`document_id` is named in the request.",
        openapi_extra={"requestBody": raw_body(ALLOWED)},
        max_body_size=most_bytes,
    )
    async def upload(request: Request, context: Uploading) -> JsonResponse:
        received = await receive(request.stream(), most_bytes)
        with received.content:
            headers = request.headers
            document = await uploads.store(
                received, headers.get("content-type", ""), headers.get("content-disposition")
            )
        context = context.of_body("POST", "/v1/documents", received.digest)
        executed = await uploads.record(document, context)
        return answer(executed, executed.commit.events[0].data["document"], 201)

    return api


def raw_body(media_types: Iterable[str]) -> dict[str, Any]:
    """The request body of a route that takes raw bytes of these types, as OpenAPI describes it."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "content": dict.fromkeys(media_types, binary)}


def routes(
    execution: Execution[Any, Any],
    requests: Requests,
    corrections: Corrections,
    reception: Reception,
) -> APIRouter:
    """The routes to submit, find, withdraw and correct requests."""
    api = api_router(tags=["requests"])

    @api.post(
        "/v1/requests",
        status_code=201,
        response_model=RequestAccepted,
        responses=problems(*WRONG),
        summary="Submit an application or a termination",
        description="Applicants submit the form for themselves, administrators what reached their "
        "agency by any channel. The request is stored durably before the answer. A termination asks "
        "for no sizes: `quota_bytes` and `max_file_size_bytes` are ignored there.",
    )
    async def submit(body: SubmitRequest, context: Submitting) -> JsonResponse:
        receiving = await reception.receive_request(body, caller_of(context.principal))
        stream = request_stream(receiving.request_id)
        executed = await execution.execute(
            context.to_command(stream, receiving, begins_stream=True)
        )
        return answers.request_accepted(executed)

    @api.get("/v1/requests", summary="Requests, the newest first")
    async def find(
        principal: Reading,
        page: PageAsked,
        status: Annotated[Status | None, Query(description="where they stand")] = None,
        agency: Annotated[str | None, Query(max_length=32, description="its code")] = None,
    ) -> Page[RequestStatus]:
        asked = {"status": status, "agency": agency}
        given = {name: value for name, value in asked.items() if value is not None}
        found = await requests.find(audience_of(principal), given, page)
        shown = BY_RECEPTION.page(found, page, place_of)
        items = [answers.request_status(document) for document in shown.items]
        return Page(items=items, next_cursor=shown.next_cursor)

    @api.get(
        "/v1/requests/{request_id}",
        responses=problems("not_found"),
        summary="Where a request stands, and what happened to it",
    )
    async def look(request_id: Id, principal: Reading) -> RequestStatus:
        found = await requests.get(request_id, audience_of(principal))
        if found is None:
            raise UnknownRequest
        return answers.request_status(found)

    @api.post(
        "/v1/requests/{request_id}/withdrawal",
        status_code=202,
        response_model=WithdrawalAccepted,
        responses=problems(*CLOSED),
        summary="Withdraw a request that is not decided",
    )
    async def withdraw(request_id: Id, body: ReasonGiven, context: Submitting) -> JsonResponse:
        known = answers.known(await requests.get(request_id, EVERYBODY))
        withdrawing = WithdrawRequest(body.reason, caller_of(context.principal), known)
        stream = request_stream(request_id)
        executed = await execution.execute(context.to_command(stream, withdrawing))
        return answer(executed, WithdrawalAccepted(request_id=request_id), 202)

    @api.post(
        "/v1/requests/{request_id}/correction",
        status_code=201,
        response_model=RequestAccepted,
        responses=problems(*WRONG, *CLOSED),
        summary="Hand in again a request that was returned, or is not decided yet",
        description="The whole request, as it should have been: a recorded correction, after which it is decided "
        "on these values alone; what it was before stays on record. Applicants correct their own, administrators "
        "those of their agency. `correction_reason` is needed where nobody returned it; without one the call "
        "answers a return, and is `request_closed` where there is none. Kind and agency stay what they are; so "
        "does the account, unless an administrator corrects what somebody wrote down. The papers that it came "
        "by stay with it. A decision that comes at the same moment wins or loses: 409 `already_decided`, or 201.",
    )
    async def correct(
        request: Request, request_id: Id, body: CorrectionHandedIn, context: Submitting
    ) -> JsonResponse:
        executed = await corrections.correct(request_id, body, context, bearer_token(request))
        return answers.request_accepted(executed)

    return api


def place_of(document: RequestDocument) -> tuple[datetime, str]:
    """The sort key of a request in a list."""
    return document.received_at, document.facts.request_id
