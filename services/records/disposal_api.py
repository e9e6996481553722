"""Holds and disposals over HTTP: one administrator proposes, another decides, auditors can look."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import Depends
from pydantic import AwareDatetime

from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
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
from bmt.chassis.readmodels.view_store import Query
from bmt.contracts.http.records import (
    DisposalItem,
    DisposalProposal,
    DisposalRuling,
    DisposalStands,
    HoldReason,
    HoldStands,
)
from services.records.audited_queries import reader_of
from services.records.domain.disposal import STATUS
from services.records.domain.errors import DisposalNotFound
from services.records.ports import Here

BY_PROPOSAL: Final = Paging(tuple[AwareDatetime, str])

Administrators = Annotated[CommandContext, Depends(command("administrator"))]
Holders = Annotated[CommandContext, Depends(command("auditor", "administrator"))]
Onlooker = Annotated[Principal, Depends(require("auditor", "administrator"))]
DisposalsPage = Annotated[PageRequest[tuple[datetime, str]], Depends(BY_PROPOSAL)]


router = api_router(tags=["disposal"])


@router.post(
    "/v1/records/{request_id}/hold",
    summary="Keep a file whatever its age",
    status_code=201,
    response_model=HoldStands,
    responses=problems("not_found", "validation_failed"),
)
async def hold(here: Here, request_id: Id, given: HoldReason, context: Holders) -> JsonResponse:
    reader = reader_of(context.principal)
    executed = await here.disposal.hold(request_id, reader, given.reason, context)
    return answer(executed, HoldStands(request_id=request_id, held=True), 201)


@router.post(
    "/v1/records/{request_id}/hold/release",
    summary="A file need not be kept any more",
    description="Who set a hold lifts it, or an auditor, who lifts every one. What others set stands: "
    "`held` tells whether somebody still holds the file.",
    status_code=201,
    response_model=HoldStands,
    responses=problems("forbidden", "not_found", "validation_failed"),
)
async def release(here: Here, request_id: Id, given: HoldReason, context: Holders) -> JsonResponse:
    reader = reader_of(context.principal)
    executed = await here.disposal.release(request_id, reader, given.reason, context)
    held = any(event.data.get("still_held") for event in executed.commit.events)
    return answer(executed, HoldStands(request_id=request_id, held=held), 201)


@router.post(
    "/v1/disposals",
    summary="Propose to dispose of a person's data",
    description="Of an account of the caller's agency: everything that the record holds under its "
    "keys. Refused, naming the files, while one is open, held, or within its retention.",
    status_code=201,
    response_model=DisposalStands,
    responses=problems("not_found", "not_disposable", "validation_failed"),
)
async def propose(here: Here, proposal: DisposalProposal, context: Administrators) -> JsonResponse:
    executed = await here.disposal.propose(proposal, context)
    proposed = DisposalStands(disposal_id=executed.commit.subject, status="proposed")
    return answer(executed, proposed, 201)


@router.post(
    "/v1/disposals/{disposal_id}/decision",
    summary="Approve or reject a disposal: approval is another administrator's than its proposer",
    status_code=201,
    response_model=DisposalStands,
    responses=problems("not_found", "own_request", "already_decided", "validation_failed"),
)
async def decide(
    here: Here, disposal_id: Id, ruling: DisposalRuling, context: Administrators
) -> JsonResponse:
    executed = await here.disposal.rule(disposal_id, ruling, context)
    (event,) = executed.commit.events
    ruled = DisposalStands(disposal_id=disposal_id, status=STATUS[event.type])
    return answer(executed, ruled, 201)


@router.get("/v1/disposals", summary="Disposals, the newest first")
async def listed(here: Here, caller: Onlooker, page: DisposalsPage) -> Page[DisposalItem]:
    reader = reader_of(caller)
    found = await here.disposals.find(
        Query(
            one_of={} if reader.agency is None else {"agency": [reader.agency]},
            order_by="proposed_at",
            descending=True,
            after=page.after,
            limit=page.lookahead,
        )
    )
    return BY_PROPOSAL.page(
        list(found), page, key=lambda item: (item.proposed_at, item.disposal_id)
    )


@router.get(
    "/v1/disposals/{disposal_id}",
    summary="One disposal",
    responses=problems("not_found"),
)
async def one(here: Here, disposal_id: Id, caller: Onlooker) -> DisposalItem:
    found = await here.disposals.get(disposal_id)
    if found is None or not reader_of(caller).may_see(found.agency):
        raise DisposalNotFound
    return found
