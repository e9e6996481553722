"""`/v1/operations` of every service: its parked events and dead letters, to be listed, retried and discarded by operators."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.messaging import described, letters
from bmt.chassis.messaging.letters import DeadLetterBox
from bmt.chassis.messaging.operations import Done, Operations, Order
from bmt.chassis.messaging.parking import Parked
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.operations import (
    DeadLetter,
    DiscardEvent,
    OperationAccepted,
    ParkedEvent,
    RetryEvent,
)

NEWEST: Final = 1_000
"""So many dead letters of each partition are looked at; `bmt dead-letters` looks at all."""
BY_TIME: Final = Paging(tuple[AwareDatetime, str])
Place = tuple[AwareDatetime, str]
_NO_REASON: Final = RetryEvent()
_TYPE: Final = re.compile(r"[\w./:-]{1,200}", re.ASCII)

Operator = Annotated[Principal, Depends(require("operator"))]
OperatorCommand = Annotated[CommandContext, Depends(command("operator"))]
TimePage = Annotated[PageRequest[Place], Depends(BY_TIME)]
REFUSALS: Final = problems("not_found", "not_waiting", "validation_failed")


@dataclass(frozen=True, slots=True)
class _Executed:
    replayed: bool


def operations_routes(operations: Operations, box: DeadLetterBox, clock: Clock) -> APIRouter:
    router = api_router(tags=["operation"])

    @router.get("/v1/operations/parked", summary="Events whose handling failed")
    async def parked(_: Operator, page: TimePage) -> Page[ParkedEvent]:
        """The oldest first, without what they hold."""
        found = await operations.lot.list(page.lookahead, page.after)
        listed = BY_TIME.page(found, page, key=lambda one: (one.parked_at, one.id))
        return Page(items=[_parked(one) for one in listed.items], next_cursor=listed.next_cursor)

    @router.post(
        "/v1/operations/parked/{event_id}/retry",
        summary="Try a parked event again, with all its tries",
        status_code=202,
        response_model=OperationAccepted,
        responses=REFUSALS,
    )
    async def retry_parked(
        event_id: Id, context: OperatorCommand, body: RetryEvent = _NO_REASON
    ) -> JsonResponse:
        """Events of one request keep their order: one behind an earlier one still waits its turn."""
        return await _done("retried", event_id, context, body.reason, operations.retry)

    @router.post(
        "/v1/operations/parked/{event_id}/discard",
        summary="Give a parked event up",
        status_code=202,
        response_model=OperationAccepted,
        responses=REFUSALS,
    )
    async def discard_parked(
        event_id: Id, context: OperatorCommand, body: DiscardEvent
    ) -> JsonResponse:
        """It is kept whole, with who and why, and its request continues without it. An integrator is told `discarded`."""
        return await _done("discarded", event_id, context, body.reason, operations.discard)

    @router.get("/v1/operations/dead-letters", summary="Events that were refused for good")
    async def dead_letters(_: Operator, page: TimePage) -> Page[DeadLetter]:
        """Those of this service that nobody has seen to, the latest first, without what they hold."""
        every = [(one.at, one.id, one) for one in await box.everything() if one.state == "open"]
        found = [one for one in every if page.after is None or one[:2] < page.after]
        listed = BY_TIME.page(found, page, key=lambda one: one[:2])
        return Page(
            items=[_dead_letter(one) for _, _, one in listed.items], next_cursor=listed.next_cursor
        )

    @router.post(
        "/v1/operations/dead-letters/{event_id}/retry",
        summary="Let this service handle a refused event again",
        status_code=202,
        response_model=OperationAccepted,
        responses=REFUSALS,
    )
    async def retry_letter(
        event_id: Id, context: OperatorCommand, body: RetryEvent = _NO_REASON
    ) -> JsonResponse:
        """If it is refused once more, it is listed again."""

        async def retry(event: str, order: Order) -> bool:
            return await box.retry([event], order)

        return await _done("retried", event_id, context, body.reason, retry)

    @router.post(
        "/v1/operations/dead-letters/{event_id}/discard",
        summary="Settle a refused event: nothing more is needed",
        status_code=202,
        response_model=OperationAccepted,
        responses=REFUSALS,
    )
    async def discard_letter(
        event_id: Id, context: OperatorCommand, body: DiscardEvent
    ) -> JsonResponse:
        """The letter stays in Kafka, with who and why in `bmt_operations`."""

        async def discard(event: str, order: Order) -> bool:
            return await box.discard([event], order)

        return await _done("discarded", event_id, context, body.reason, discard)

    async def _done(
        what: Done,
        event: str,
        context: CommandContext,
        reason: str | None,
        act: Callable[[str, Order], Awaitable[bool]],
    ) -> JsonResponse:
        by, at = context.principal.subject, clock()
        order = Order(by, at, reason, context.causation, context.fingerprint)
        replayed = await act(described.read(event), order)
        accepted = OperationAccepted(id=described.read(event), action=what, by=by, at=at)
        return answer(_Executed(replayed), accepted, 202)

    return router


def _parked(of: Parked) -> ParkedEvent:
    record = of.record
    return ParkedEvent(
        id=of.beside or described.of(record),
        type=_shown(described.event_type(record.headers, record.value)),
        request_id=described.request_id(record.raw_key),
        reason=of.reason,
        tries=of.tries,
        parked_at=of.parked_at,
        waits_for=of.waits_for,
        due_at=of.due_at,
    )


def _dead_letter(of: letters.DeadLetter) -> DeadLetter:
    return DeadLetter(
        id=of.id,
        type=_shown(of.first.type),
        request_id=of.request_id,
        reason=of.first.reason,
        detail=of.first.detail,
        refused_at=of.at,
        can_be_retried=of.first.origin is not None and not of.first.left_at_origin,
    )


def _shown(type_: str | None) -> str | None:
    """The type, if it looks like one: an outsider may write anything there."""
    return type_ if type_ and _TYPE.fullmatch(type_) else None
