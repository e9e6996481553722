"""The HTTP API of intake: documents, requests, blank papers, and accounts."""

from collections.abc import AsyncIterator, Collection, Iterable
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime
from starlette.responses import Response

from bmt.chassis.eventsourcing.execution import Executed
from bmt.chassis.http import bodies
from bmt.chassis.http.auth import Principal, bearer_token, require
from bmt.chassis.http.bodies import JsonResponse, file_response
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    PageRequest,
    Paging,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.runtime.documents import DocumentUnknown, receive
from bmt.contracts.events import CorrectionHandedIn, SubmitRequest
from bmt.contracts.http import intake
from bmt.contracts.problems import Refused
from bmt.contracts.values import Status
from services.intake.blank_papers import PaperName, printed
from services.intake.channels.media_types import ALLOWED
from services.intake.domain.errors import UnknownDocument, UnknownRequest
from services.intake.domain.request import Received, WithdrawRequest, may_see, request_stream
from services.intake.ports import Here
from services.intake.queries import EVERYBODY, Place, audience_of, caller_of, known_of
from services.intake.status import facts_of, request_status, steps_of
from services.intake.views import OPEN, RequestDocument

BY_RECEPTION: Final = Paging(tuple[AwareDatetime, str])

Submitting = Annotated[CommandContext, Depends(command("applicant", "administrator"))]
UPLOADERS: Final = ("applicant", "administrator", "operator", "integrator")
UPLOADER: Final = Depends(require(*UPLOADERS))
Uploading = Annotated[CommandContext, Depends(command(*UPLOADERS, streamed=True))]
READER: Final = Depends(require("applicant", "administrator", "operator", "auditor"))
Reading = Annotated[Principal, READER]
NewestPage = Annotated[PageRequest[Place], Depends(BY_RECEPTION)]
OfStatus = Annotated[Status | None, Query(description="where they stand")]
OfAgency = Annotated[str | None, Query(max_length=32, description="its code")]
Agency = Annotated[str, Query(max_length=32, description="its code")]
StillOpen = Annotated[
    bool,
    Query(alias="open", description="only those that may still change what their account has"),
]
Mine = Annotated[
    bool, Query(description="only what the caller is the applicant of, whatever else they may read")
]


async def _found(
    here: Here, request_id: Id, principal: Reading, *, mine: Mine = False
) -> RequestDocument:
    """A request that the caller may read.

    Raises:
        UnknownRequest: there is none.
    """
    found = await here.requests.get(request_id, audience_of(principal, mine=mine))
    if found is None:
        raise UnknownRequest
    return found


Found = Annotated[RequestDocument, Depends(_found)]

WRONG: Final = (
    "forbidden",
    "validation_failed",
    "channel_not_allowed",
    "quota_exceeds_maximum",
    "document_unknown",
    "account_of_other_agency",
)
CLOSED: Final = ("not_found", "already_decided", "request_closed")


def documents(most_bytes: int) -> APIRouter:
    """The routes of documents. A setting limits the size of a document, and a decorator the size of a body."""
    router = api_router(tags=["documents"])
    limits = intake.DocumentLimits(max_bytes=most_bytes, media_types=ALLOWED)

    @router.get("/v1/document-limits", summary="What a document may be")
    async def limited(_: Annotated[Principal, UPLOADER]) -> intake.DocumentLimits:
        return limits

    @router.post(
        "/v1/documents",
        status_code=201,
        response_model=intake.DocumentStored,
        responses=problems("too_large", "unsupported_media_type", "validation_failed"),
        summary="Upload a document",
        description=f"The raw bytes, at most {most_bytes}, with their Content-Type; the name goes "
        "into Content-Disposition (RFC 6266). The content must be what it says. The answer's "
        "`document_id` is named in the request.",
        openapi_extra={"requestBody": raw_body(ALLOWED)},
        max_body_size=most_bytes,
    )
    async def upload(here: Here, request: Request, context: Uploading) -> JsonResponse:
        received = await receive(request.stream(), most_bytes)
        context = context.of_body("POST", "/v1/documents", received.digest)
        with received.content:
            executed = await here.uploads.take_in(received, request.headers, context)
        return answer(executed, executed.commit.events[0].data["document"], 201)

    return router


def raw_body(media_types: Iterable[str]) -> dict[str, Any]:
    """The request body of a route that takes raw bytes of these types, as OpenAPI describes it."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {"required": True, "content": dict.fromkeys(media_types, binary)}


router = api_router(tags=["requests"])


@router.post(
    "/v1/requests",
    status_code=201,
    response_model=intake.RequestAccepted,
    responses=problems(*WRONG),
    summary="Submit an application or a termination",
    description="Applicants submit the form for themselves, administrators what reached their "
    "agency by any channel. The request is stored durably before the answer. A termination asks "
    "for no sizes: `quota_bytes` and `max_file_size_bytes` are ignored there.",
)
async def submit(here: Here, body: SubmitRequest, context: Submitting) -> JsonResponse:
    receiving = await here.reception.receive_request(body, caller_of(context.principal))
    stream = request_stream(receiving.request_id)
    executed = await here.execution.execute(
        context.to_command(stream, receiving, begins_stream=True)
    )
    return request_accepted(executed)


@router.get("/v1/requests", summary="Requests, the newest first")
async def find(
    here: Here,
    principal: Reading,
    page: NewestPage,
    *,
    status: OfStatus = None,
    agency: OfAgency = None,
    mine: Mine = False,
    still_open: StillOpen = False,
) -> Page[intake.RequestStatus]:
    given: dict[str, Collection[str]] = {"agency": [agency]} if agency is not None else {}
    if still_open:
        given["status"] = OPEN if status is None else OPEN & {status}
    elif status is not None:
        given["status"] = [status]
    found = await here.requests.find(audience_of(principal, mine=mine), given, page)
    shown = BY_RECEPTION.page(found, page, place_of)
    items = [request_status(document, here.agencies) for document in shown.items]
    return Page(items=items, next_cursor=shown.next_cursor)


@router.get(
    "/v1/requests/{request_id}",
    dependencies=[READER],
    responses=problems("not_found"),
    summary="Where a request stands, and what happened to it",
)
async def look(here: Here, found: Found) -> intake.RequestStatus:
    return request_status(found, here.agencies)


@router.post(
    "/v1/requests/{request_id}/withdrawal",
    status_code=202,
    response_model=intake.WithdrawalAccepted,
    responses=problems(*CLOSED),
    summary="Withdraw a request that is not decided",
)
async def withdraw(
    here: Here, request_id: Id, body: intake.ReasonGiven, context: Submitting
) -> JsonResponse:
    known = known_of(await here.requests.get(request_id, EVERYBODY))
    withdrawing = WithdrawRequest(body.reason, caller_of(context.principal), known)
    stream = request_stream(request_id)
    executed = await here.execution.execute(context.to_command(stream, withdrawing))
    return answer(executed, intake.WithdrawalAccepted(request_id=request_id), 202)


@router.post(
    "/v1/requests/{request_id}/correction",
    status_code=201,
    response_model=intake.RequestAccepted,
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
    here: Here, request: Request, request_id: Id, body: CorrectionHandedIn, context: Submitting
) -> JsonResponse:
    executed = await here.corrections.correct(request_id, body, context, bearer_token(request))
    return request_accepted(executed)


@router.get(
    "/v1/requests/{request_id}/live",
    summary="What happens to a request after its first steps, at once",
    dependencies=[READER],
    description="Events `changed` (`Step`, the last one), whichever service took it. The stream ends by itself: "
    "then connect again.",
    response_class=EventSourceResponse,
    responses=problems("not_found"),
)
async def request_live(
    here: Here,
    found: Found,
    steps: Annotated[int, Query(ge=0, le=100_000, description="how many of its steps are known")],
    seconds: bodies.Seconds = bodies.LASTS_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    async def look() -> intake.Step | None:
        now = await here.requests.get(found.facts.request_id, EVERYBODY)
        return steps_of(now)[-1] if now and len(now.steps) > steps else None

    async for event in bodies.live_changes(look, here.change_signal, seconds):
        yield event


def request_accepted(executed: Executed) -> JsonResponse:
    """The response for a received request. It is made of the commit alone, so a replay gives the same one."""
    facts = executed.commit.events[0].data["request"]
    accepted = {
        "request_id": facts["request_id"],
        "reference": facts["reference"],
        "status": "received",
        "received_at": facts["received_at"],
    }
    location = {"Location": f"/v1/requests/{facts['request_id']}"}
    return answer(executed, accepted, 201, location)


def place_of(document: RequestDocument) -> tuple[datetime, str]:
    return document.received_at, document.facts.request_id


forms = api_router(tags=["forms"])
"""Blank papers are no secret: every known caller may print any agency's."""


@forms.get(
    "/v1/forms/{kind}.pdf",
    responses=problems("validation_failed", "channel_not_allowed"),
    response_class=Response,
    summary="A blank form, or a cover sheet, to print",
    description="`application` and `termination` where the agency receives forms; `cover-memo` and "
    "`cover-letter` where it receives those: laid before each paper of a batch that is scanned. The same "
    "bytes until the agency's name or rules change; `ETag` tells.",
)
async def blank(
    here: Here, request: Request, kind: PaperName, _: Reading, agency: Agency
) -> Response:
    return await printed(request, here.blanks, kind, agency)


CORRECTOR: Final = Depends(require("applicant", "administrator"))
Correcting = Annotated[Principal, CORRECTOR]

submissions = api_router(tags=["requests"])


@submissions.post(
    "/v1/request-checks",
    response_model=intake.RequestChecked,
    responses=problems("forbidden", "validation_failed"),
    summary="Check a request without handing it in",
    description="The body of `POST /v1/requests`. Nothing is recorded, and no limit on requests is used up. "
    "`errors` are what `POST /v1/requests` would refuse it for, all at once; `warnings` what an administrator "
    "would have to weigh.",
)
async def check(here: Here, body: SubmitRequest, context: Submitting) -> JsonResponse:
    return JsonResponse(await here.reception.check(body, caller_of(context.principal)))


@submissions.get(
    "/v1/sizes",
    responses=problems("not_found"),
    summary="The sizes that the caller's agency gives, and the days in which it decides, by the rules in force",
)
async def sizes(here: Here, principal: Correcting) -> intake.SizesGiven:
    agencies = here.agencies
    if principal.agency not in agencies:
        raise Refused("Your token names no agency that is known.", problem="not_found")
    rules = agencies.get(principal.agency).rules
    return intake.SizesGiven(
        quota_bytes=rules.quota_bytes.default,
        largest_quota_bytes=rules.quota_bytes.maximum,
        max_file_size_bytes=rules.max_file_size_bytes,
        decide_working_days=rules.charter_working_days.decide,
    )


async def _last(here: Here, request_id: Id, principal: Correcting) -> Received:
    state = await here.execution.state(request_stream(request_id))
    if not isinstance(state, Received) or not may_see(caller_of(principal), state.facts):
        raise UnknownRequest
    return state


HandedIn = Annotated[Received, Depends(_last)]


@submissions.get(
    "/v1/requests/{request_id}/submission",
    dependencies=[CORRECTOR],
    responses=problems("not_found"),
    summary="What was handed in last, for whoever may correct it",
)
async def submission(state: HandedIn) -> intake.LastSubmission:
    came_with = {one.document_id for one in state.came_with}
    return intake.LastSubmission(
        **facts_of(state.facts, intake.LastSubmission),
        justification=state.last.justification,
        documents=tuple(one for one in state.last.documents if one.document_id not in came_with),
        came_with=state.came_with,
    )


@submissions.get(
    "/v1/requests/{request_id}/documents/{document_id}",
    dependencies=[CORRECTOR],
    response_class=Response,
    responses=problems("not_found"),
    summary="A document of what was handed in last, byte for byte",
)
async def document(here: Here, state: HandedIn, document_id: Id) -> Response:
    found = next((one for one in state.last.documents if one.document_id == document_id), None)
    if found is None:
        raise UnknownDocument
    try:
        stored, chunks = await here.documents.open(document_id)
    except DocumentUnknown:
        raise UnknownDocument from None
    return file_response(
        chunks,
        filename=found.filename,
        media_type=found.media_type,
        size_bytes=stored.size_bytes,
    )


Colleague = Annotated[Principal, Depends(require("agency_manager", "administrator"))]
OwnAccount = Annotated[str, Path(min_length=1, max_length=200, description="in any case")]

accounts = api_router(tags=["accounts"])


@accounts.get(
    "/v1/accounts/{account}",
    responses=problems("not_found", "unavailable"),
    summary="Whose an account of the caller's agency is, as the directory says now",
)
async def owner(here: Here, account: OwnAccount, caller: Colleague) -> intake.AccountOwner:
    """404 for an account that the directory does not have, and for one that is not the caller's agency's."""
    found = await here.directory.owner(account)
    named = here.agencies.named(found.standing.organisations)
    belonging = here.agencies.claims.belonging(caller.agency, account, named)
    if not found.standing.registered or belonging != "own":
        raise Refused(problem="not_found")
    return intake.AccountOwner(account=account, name=found.name, serving=found.standing.serving)
