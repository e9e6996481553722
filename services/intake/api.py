"""Requests over HTTP: submitted, looked at, withdrawn and corrected."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, bearer_token, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.runtime.clock import NewId
from bmt.contracts.http.intake import (
    ReasonGiven,
    RequestAccepted,
    RequestStatus,
    WithdrawalAccepted,
)
from bmt.contracts.requests import CorrectionHandedIn, SubmitRequest
from bmt.contracts.values import Status
from services.intake import answers, handlers
from services.intake.access import Audience, audience_of, caller_of
from services.intake.domain.commands import WithdrawRequest
from services.intake.domain.errors import UnknownRequest
from services.intake.handlers import AssembleSubmission
from services.intake.queries import Requests
from services.intake.views import RequestDocument

EVERYBODY: Final = Audience({})
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


class TakesCorrections(Protocol):
    """`Corrections`."""

    async def correct(
        self, request_id: str, body: CorrectionHandedIn, context: CommandContext, token: str
    ) -> Executed: ...


def message(request_id: str, context: CommandContext, what: Any, *, new: bool = False) -> Any:
    """The command `what` on its way to the stream of a request; `new`: there is none yet."""
    return Message(
        f"request-{request_id}",
        context.causation,
        context.fingerprint,
        what,
        context.traceparent,
        begins_stream=new,
    )


def routes(
    execution: Execution[Any, Any],
    requests: Requests,
    corrections: TakesCorrections,
    assemble_submission: AssembleSubmission,
    new_id: NewId,
) -> APIRouter:
    """The routes of requests."""
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
        what = await handlers.receive_request(
            body, caller_of(context.principal), assemble_submission, new_id
        )
        executed = await execution.execute(message(what.request_id, context, what, new=True))
        accepted = answers.request_accepted(executed.commit)
        return answer(executed, accepted, 201, answers.location(executed.commit))

    @api.get("/v1/requests", summary="Requests, the newest first")
    async def find(
        principal: Reading,
        page: PageAsked,
        status: Annotated[Status | None, Query(description="where they stand")] = None,
        agency: Annotated[str | None, Query(max_length=32, description="its code")] = None,
    ) -> Page[RequestStatus]:
        asked = _given({"status": status, "agency": agency})
        found = await requests.find(audience_of(principal), asked, page)
        told = BY_RECEPTION.page(found, page, place_of)
        items = [answers.request_status(document) for document in told.items]
        return Page(items=items, next_cursor=told.next_cursor)

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
        what = WithdrawRequest(body.reason, caller_of(context.principal), known)
        executed = await execution.execute(message(request_id, context, what))
        return answer(executed, answers.withdrawal_accepted(executed.commit), 202)

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
        accepted = answers.request_accepted(executed.commit)
        return answer(executed, accepted, 201, answers.location(executed.commit))

    return api


def _given(parameters: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}


def place_of(document: RequestDocument) -> tuple[datetime, str]:
    """Where a request stands in a list."""
    return document.received_at, document.facts.request_id
