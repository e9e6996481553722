"""What operators do about events that wait for them: one way for the commands and the API.

Each retry and each discard is recorded with who, why and when, in the same transaction as its effect on the
parking lot. The service then carries it out.
"""

from collections.abc import Awaitable, Callable
from dataclasses import field
from datetime import datetime
from typing import Any, Final, Literal

import structlog

from bmt.chassis.errors import CausationReused
from bmt.chassis.messaging import described
from bmt.chassis.messaging.parking import PARKED, Discarding, ParkingLot
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import new_id
from bmt.contracts.immutable import immutable
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


@immutable
class Order:
    """An operator's decision.

    Attributes:
        at: UTC.
        id: of the command; the same one is carried out once.
        fingerprint: of what was asked under this id.
    """

    by: str
    at: datetime
    reason: str | None = None
    id: str = field(default_factory=new_id)
    fingerprint: str = ""


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
        place = described.stored(event)

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
        place = described.stored(event)
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
        parked = await self.lot.find(described.stored(event))
        if parked is None:
            return UnknownEvent("No such event waits here: it was handled or discarded.")
        if parked.discarding:
            return DiscardedBefore()
        return BeingTried()
