"""What a request says: checked before it is handed in, and read again before it is corrected."""

from typing import Annotated, Final

from fastapi import Depends
from starlette.responses import Response

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse, file_response
from bmt.chassis.http.routes import CommandContext, Id, api_router, command, problems
from bmt.chassis.runtime import documents
from bmt.contracts.events import SubmitRequest
from bmt.contracts.http.intake import LastSubmission, RequestChecked, SizesGiven
from bmt.contracts.problems import Refused
from services.intake.access import caller_of
from services.intake.domain.errors import UnknownDocument, UnknownRequest
from services.intake.domain.request import Received, request_stream
from services.intake.domain.request_rules import may_see
from services.intake.ports import Here

Checking = Annotated[CommandContext, Depends(command("applicant", "administrator"))]
READER: Final = Depends(require("applicant", "administrator"))
Reading = Annotated[Principal, READER]

router = api_router(tags=["requests"])


@router.post(
    "/v1/request-checks",
    response_model=RequestChecked,
    responses=problems("forbidden", "validation_failed"),
    summary="Check a request without handing it in",
    description="The body of `POST /v1/requests`. Nothing is recorded, and no limit on requests is used up. "
    "`errors` are what `POST /v1/requests` would refuse it for, all at once; `warnings` what an administrator "
    "would have to weigh.",
)
async def check(here: Here, body: SubmitRequest, context: Checking) -> JsonResponse:
    return JsonResponse(await here.reception.check(body, caller_of(context.principal)))


@router.get(
    "/v1/sizes",
    responses=problems("not_found"),
    summary="The sizes that the caller's agency gives, and the days in which it decides, by the rules in force",
)
async def sizes(here: Here, principal: Reading) -> SizesGiven:
    agencies = here.agencies
    if principal.agency not in agencies:
        raise Refused("Your token names no agency that is known.", problem="not_found")
    rules = agencies.get(principal.agency).rules
    return SizesGiven(
        quota_bytes=rules.quota_bytes.default,
        largest_quota_bytes=rules.quota_bytes.maximum,
        max_file_size_bytes=rules.max_file_size_bytes,
        decide_working_days=rules.charter_working_days.decide,
    )


async def _last(here: Here, request_id: Id, principal: Reading) -> Received:
    state = await here.execution.state(request_stream(request_id))
    if not isinstance(state, Received) or not may_see(caller_of(principal), state.facts):
        raise UnknownRequest
    return state


HandedIn = Annotated[Received, Depends(_last)]


@router.get(
    "/v1/requests/{request_id}/submission",
    dependencies=[READER],
    responses=problems("not_found"),
    summary="What was handed in last, for whoever may correct it",
)
async def submission(state: HandedIn) -> LastSubmission:
    came_with = {one.document_id for one in state.came_with}
    facts, last = state.facts, state.last
    return LastSubmission(
        request_id=facts.request_id,
        kind=facts.kind,
        agency=facts.agency,
        channel=facts.channel,
        reply_through=facts.reply_through,
        applicant=facts.applicant,
        justification=last.justification,
        quota_bytes=facts.quota_bytes,
        max_file_size_bytes=facts.max_file_size_bytes,
        documents=tuple(one for one in last.documents if one.document_id not in came_with),
        came_with=state.came_with,
    )


@router.get(
    "/v1/requests/{request_id}/documents/{document_id}",
    dependencies=[READER],
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
    except documents.DocumentUnknown:
        raise UnknownDocument from None
    return file_response(
        chunks,
        filename=found.filename,
        media_type=found.media_type,
        size_bytes=stored.size_bytes,
    )
