"""The HTTP API of approval: the worklist, one request, single and bulk decisions."""

from typing import Annotated, Final

from fastapi import Depends
from pydantic import AwareDatetime

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.contracts.http.approval import (
    DecisionMade,
    Held,
    RequestUnderReview,
    Ruling,
    RulingResults,
    Rulings,
    WorklistItem,
)
from services.approval import bulk, handlers, views
from services.approval.bulk import decision_made
from services.approval.domain.errors import UnknownRequest
from services.approval.ports import Here
from services.approval.views import Place, as_seen_by

BY_DUE_TIME: Final = Paging(tuple[AwareDatetime, str])

Administrator = Annotated[Principal, Depends(require("administrator"))]
AdministratorsCommand = Annotated[CommandContext, Depends(command("administrator"))]
CorrectorsCommand = Annotated[CommandContext, Depends(command("administrator", "applicant"))]
WorklistPage = Annotated[PageRequest[Place], Depends(BY_DUE_TIME)]

router = api_router(tags=["approval"])
"""Administrators act for the agency in their token; applicants may only place a hold."""


@router.get("/v1/worklist", summary="Open requests, due first at the top")
async def worklist(here: Here, caller: Administrator, page: WorklistPage) -> Page[WorklistItem]:
    found = await views.worklist(here.reviews, caller.agency, page)
    items = [WorklistItem.model_validate(review, from_attributes=True) for review in found]
    return BY_DUE_TIME.page(items, page, key=lambda item: (item.due_at, item.request_id))


@router.get("/v1/requests/{request_id}", summary="All that a decider needs")
async def request(here: Here, request_id: Id, caller: Administrator) -> RequestUnderReview:
    review = await here.reviews.get(request_id)
    if review is None or review.agency != caller.agency:
        raise UnknownRequest
    return as_seen_by(review, caller)


@router.post(
    "/v1/requests/{request_id}/decision",
    summary="Approve, reject or return",
    status_code=201,
    response_model=DecisionMade,
    responses=problems(
        "own_request",
        "another_person_needed",
        "not_found",
        "already_decided",
        "request_closed",
        "validation_failed",
        "warnings_need_reason",
        "quota_exceeds_maximum",
    ),
)
async def decide(
    here: Here, request_id: Id, ruling: Ruling, context: AdministratorsCommand
) -> JsonResponse:
    executed = await handlers.decide(
        request_id, ruling, context, here.execution, here.agencies, here.clock
    )
    return answer(executed, decision_made(executed.commit), 201)


@router.post(
    "/v1/requests/{request_id}/hold",
    summary="Let nobody decide on a request for a moment, while it is corrected",
    description="Intake asks for it, as the caller of its correction: the correction then comes before "
    "any decision, or is refused as `already_decided`. It ends when the correction is heard.",
    status_code=201,
    response_model=Held,
    responses=problems("not_found", "already_decided", "request_closed"),
)
async def hold(here: Here, request_id: Id, context: CorrectorsCommand) -> JsonResponse:
    executed = await handlers.hold(request_id, context, here.execution, here.clock)
    return answer(executed, Held(**executed.commit.events[0].data), 201)


@router.post(
    "/v1/decisions",
    summary="Decide on many requests, each by itself",
    response_model=RulingResults,
    responses=problems("validation_failed"),
)
async def decide_all(here: Here, rulings: Rulings, context: AdministratorsCommand) -> JsonResponse:
    answered = await bulk.decide_all(
        rulings.items, context, here.execution, here.agencies, here.clock
    )
    return answer(answered, answered.body)
