"""What operators do about events that wait for them: one way for the commands and for `/v1/operations` of every service.

Each retry and each discard is recorded with who, why and when, in the same transaction as its effect on the
parking lot. The service then carries it out.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import structlog
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime

from bmt.chassis.errors import CausationReused
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
from bmt.chassis.messaging import parking
from bmt.chassis.messaging.dead_letters import DeadLetterBox, RefusedEvent
from bmt.chassis.messaging.parking import PARKED, Discarding, Order, Parked, ParkingLot
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.operations import (
    DeadLetter,
    DiscardEvent,
    OperationAccepted,
    ParkedEvent,
    RetryEvent,
)
from bmt.contracts.problems import Refused

COLLECTION: Final = "operations"
"""In each service's own database; it only grows."""
EVERY_EVENT: Final = "all"

Done = Literal["retried", "discarded"]

log = structlog.get_logger(__name__)


class UnknownEvent(Refused):
    """No such event waits here."""

    problem = "not_found"


class DiscardedBefore(Refused):
    """Another operator was first."""

    problem = "not_waiting"
    code = "discarded_before"


class BeingTried(Refused):
    """Its service handles it at this moment."""

    problem = "not_waiting"
    code = "being_tried"


class Operations:
    """The operators' hand on one service's parking lot.

    An event is named as operators see it, `topic:partition:offset`. Every method raises `StoreUnavailable` if the
    database cannot be reached.
    """

    def __init__(self, database: mongodb.Database) -> None:
        """`database` is the service's own."""
        self.lot = ParkingLot(database[PARKED])
        self._done = database[COLLECTION]

    async def retry(self, event: str, order: Order) -> bool:
        """Let the service try again. True: this order was carried out before.

        Raises:
            UnknownEvent, DiscardedBefore, BeingTried: nothing was changed.
            CausationReused: the order's id was used for something else.
        """
        place = parking.stored_place(event)

        async def act(session: mongodb.Session) -> None:
            if not await self.lot.retry(place, order.at, session):
                raise await self._why_not(event)

        return await self._once("retried", event, order, act)

    async def retry_all(self, order: Order) -> int:
        """As `retry`, for each event that waits for an operator. Returns how many."""
        found = 0

        async def act(session: mongodb.Session) -> None:
            nonlocal found
            found = await self.lot.retry_all(order.at, session)

        await self._once("retried", EVERY_EVENT, order, act)
        return found

    async def discard(self, event: str, order: Order) -> bool:
        """Have the service give the event up; raises and returns as `retry`."""
        place = parking.stored_place(event)
        mark = Discarding(order.by, order.reason or "", order.at)

        async def act(session: mongodb.Session) -> None:
            if not await self.lot.discard(place, mark, session):
                raise await self._why_not(event)

        return await self._once("discarded", event, order, act)

    async def _once(
        self,
        done: Done,
        event: str,
        order: Order,
        act: Callable[[mongodb.Session], Awaitable[None]],
    ) -> bool:
        record = {
            "_id": order.id,
            "fingerprint": order.fingerprint,
            "event": event,
            "action": done,
            "by": order.by,
            "reason": order.reason,
            "at": order.at,
        }

        async def act_and_record(session: mongodb.Session) -> None:
            await act(session)
            await self._done.insert_one(record, session=session)

        if await self._known(order):
            return True
        try:
            await mongodb.in_transaction(self._done, act_and_record)
        except (Refused, mongodb.DuplicateKeyError):
            if not await self._known(order):  # the same call, sent twice at once
                raise
            return True
        log.info("operation", action=done, event_place=event, by=order.by)
        return False

    async def _known(self, order: Order) -> bool:
        with mongodb.store_errors():
            found: dict[str, Any] | None = await self._done.find_one({"_id": order.id})
        if found is not None and found["fingerprint"] != order.fingerprint:
            raise CausationReused(order.id)
        return found is not None

    async def _why_not(self, event: str) -> Refused:
        parked = await self.lot.find(parking.stored_place(event))
        if parked is None:
            return UnknownEvent("No such event waits here: it was handled or discarded.")
        if parked.discarding:
            return DiscardedBefore()
        return BeingTried()


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
        replayed = await act(parking.read_place(event), order)
        accepted = OperationAccepted(id=parking.read_place(event), action=what, by=by, at=at)
        return answer(_Executed(replayed), accepted, 202)

    return router


def _parked(of: Parked) -> ParkedEvent:
    record = of.record
    return ParkedEvent(
        id=of.beside or parking.written_place(record),
        type=_shown(parking.event_type(record.headers, record.value)),
        request_id=parking.request_id(record.raw_key),
        reason=of.reason,
        tries=of.tries,
        parked_at=of.parked_at,
        waits_for=of.waits_for,
        due_at=of.due_at,
    )


def _dead_letter(of: RefusedEvent) -> DeadLetter:
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
