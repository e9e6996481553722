"""Holds and disposals over HTTP: one administrator proposes, another decides, auditors can look."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.contracts.http.disposal import (
    DisposalItem,
    DisposalProposal,
    DisposalRuling,
    DisposalStands,
    HoldReason,
    HoldStands,
)
from services.records.audited_queries import reader_of
from services.records.disposal.disposing import DisposalService
from services.records.domain.disposal import STATUS
from services.records.domain.errors import DisposalNotFound

by_proposal: Final = Paging(tuple[AwareDatetime, str])

Administrators = Annotated[CommandContext, Depends(command("administrator"))]
Holders = Annotated[CommandContext, Depends(command("auditor", "administrator"))]
Onlooker = Annotated[Principal, Depends(require("auditor", "administrator"))]
DisposalsPage = Annotated[PageRequest[tuple[datetime, str]], Depends(by_proposal)]


def routes(service: DisposalService, disposals: ViewProjection[DisposalItem]) -> APIRouter:
    """The routes of holds and disposals."""
    routes = api_router(tags=["disposal"])

    @routes.post(
        "/v1/records/{request_id}/hold",
        summary="Keep a file whatever its age",
        status_code=201,
        response_model=HoldStands,
        responses=problems("not_found", "validation_failed"),
    )
    async def hold(request_id: Id, asked: HoldReason, context: Holders) -> JsonResponse:
        reader = reader_of(context.principal)
        executed = await service.hold(request_id, reader, asked.reason, context)
        return answer(executed, HoldStands(request_id=request_id, held=True), 201)

    @routes.post(
        "/v1/records/{request_id}/hold/release",
        summary="A file need not be kept any more",
        description="Who set a hold lifts it, or an auditor, who lifts every one. What others set stands: "
        "`held` tells whether somebody still holds the file.",
        status_code=201,
        response_model=HoldStands,
        responses=problems("forbidden", "not_found", "validation_failed"),
    )
    async def release(request_id: Id, asked: HoldReason, context: Holders) -> JsonResponse:
        reader = reader_of(context.principal)
        executed = await service.release(request_id, reader, asked.reason, context)
        held = any(event.data.get("still_held") for event in executed.commit.events)
        return answer(executed, HoldStands(request_id=request_id, held=held), 201)

    @routes.post(
        "/v1/disposals",
        summary="Propose to dispose of a person's data",
        description="Of an account of the caller's agency: everything that the record holds under its "
        "keys. Refused, naming the files, while one is open, held, or within its retention.",
        status_code=201,
        response_model=DisposalStands,
        responses=problems("not_found", "not_disposable", "validation_failed"),
    )
    async def propose(asked: DisposalProposal, context: Administrators) -> JsonResponse:
        executed = await service.propose(asked, context)
        stands = DisposalStands(disposal_id=executed.commit.subject, status="proposed")
        return answer(executed, stands, 201)

    @routes.post(
        "/v1/disposals/{disposal_id}/decision",
        summary="Approve or reject a disposal: approval is another administrator's than its proposer",
        status_code=201,
        response_model=DisposalStands,
        responses=problems("not_found", "own_request", "already_decided", "validation_failed"),
    )
    async def decide(
        disposal_id: Id, ruling: DisposalRuling, context: Administrators
    ) -> JsonResponse:
        executed = await service.rule(disposal_id, ruling, context)
        (event,) = executed.commit.events
        return answer(
            executed, DisposalStands(disposal_id=disposal_id, status=STATUS[event.type]), 201
        )

    @routes.get("/v1/disposals", summary="Disposals, the newest first")
    async def listed(caller: Onlooker, page: DisposalsPage) -> Page[DisposalItem]:
        reader = reader_of(caller)
        found = await disposals.find(
            Query(
                one_of={} if reader.agency is None else {"agency": [reader.agency]},
                order_by="proposed_at",
                descending=True,
                after=page.after,
                limit=page.lookahead,
            )
        )
        return by_proposal.page(
            list(found), page, key=lambda item: (item.proposed_at, item.disposal_id)
        )

    @routes.get(
        "/v1/disposals/{disposal_id}",
        summary="One disposal",
        responses=problems("not_found"),
    )
    async def one(disposal_id: Id, caller: Onlooker) -> DisposalItem:
        found = await disposals.get(disposal_id)
        if found is None or not reader_of(caller).may_see(found.agency):
            raise DisposalNotFound
        return found

    return routes
