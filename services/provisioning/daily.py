"""What is done every day about all accounts: under a lease, page by page, each thing recorded once.

A queue of its own has the next run as an item, so that one process makes it, and a run that an operator orders as another; were there two, or did one die in the middle, nothing would be recorded twice:
each command names what it is about as its cause, and the decider records no state again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work import Done, Later, Postpone, Settle, Worker, WorkItem, WorkQueue, after
from bmt.contracts.http.provisioning import Confirmation, Drift, Entitlement
from services.provisioning.connectors.targets import Targets
from services.provisioning.handlers import stream_of
from services.provisioning.views import Entitlements

log = structlog.get_logger(__name__)

NAME: Final = "drift"
PLANNED: Final = "drift_planned"
"""The queue: the one of the requests' work is empty when all of that is done."""
AT_A_TIME: Final = 40
"""Accounts that are asked for together, so that the work that changes something gets its turn in between."""

D = TypeVar("D", bound=BaseModel)
Asked = TypeVar("Asked", Drift, Confirmation)


@dataclass(frozen=True, slots=True)
class DailyRun:
    """Does its `parts`, one after the other, whenever it is time."""

    parts: Sequence[Callable[[], Awaitable[object]]]
    queue: WorkQueue
    targets: Targets
    clock: Clock
    interval: timedelta
    incomplete: Callable[[], Awaitable[bool]]
    """Whether views are still being made again, as after a restored backup: what they lack would not be looked at."""

    async def plan(self) -> None:
        """The next run begins when the service has started."""
        await self.queue.prepare()
        now = self.clock()
        first = WorkItem(NAME, NAME, NAME, now)
        await self.queue.change([first, Postpone(NAME, now, "")], durable=True)

    @staticmethod
    async def order(queue: WorkQueue, what: str, now: datetime) -> None:
        """One run more, once for each `what`. The planned one may end just now, and would take its own next time."""
        await queue.change([WorkItem(f"{NAME}:{what}", NAME, NAME, now)], durable=True)

    async def run(self) -> None:
        """Until cancelled."""
        worker = Worker(target=NAME, queue=self.queue, perform=self._perform, clock=self.clock)
        await worker.run()

    async def _perform(self, items: Sequence[WorkItem], settle: Settle) -> None:
        for item in items:
            if self.targets.any_in_maintenance():
                settle(item, Later(60, "the end of a target's maintenance"))
                continue
            try:
                if await self.incomplete():
                    settle(item, Later(5, "views that are made again"))
                    continue
                for part in self.parts:
                    await part()
            except Exception as error:  # noqa: BLE001  tried again
                settle(item, after(error, item))
                continue
            if item.id == NAME:
                tomorrow = self.interval.total_seconds()
                settle(item, Later(tomorrow, "the time of the next comparison"))
            else:
                settle(item, Done())


async def pages(
    view: ViewProjection[D], query: Query, place: Callable[[D], tuple[Any, str]]
) -> AsyncIterator[Sequence[D]]:
    """All that the query finds; `place` is what it sorts by, and the key."""
    query = replace(query, limit=AT_A_TIME)
    while page := await view.find(query):
        yield page
        if len(page) < AT_A_TIME:
            return
        query = replace(query, after=place(page[-1]))


def accounts(entitlements: Entitlements, **of: str) -> AsyncIterator[Sequence[Entitlement]]:
    return pages(entitlements, Query(equal=of), lambda one: (None, one.account.casefold()))


async def superseded(entitlements: Entitlements, asked: Sequence[Asked]) -> Sequence[Asked]:
    """Those for whose account a later request was configured."""
    now = await entitlements.get_many([one.account.casefold() for one in asked])
    latest = {name: one.request_id for name, one in now.items()}
    return [
        one for one in asked if latest.get(one.account.casefold(), one.request_id) != one.request_id
    ]


async def record(
    execution: Execution[Any, Any], commands: Iterable[tuple[str, str, object]]
) -> None:
    """Each command with its cause and request. What fails is found again by the next run."""
    messages = [
        Message(stream_of(request_id), cause, cause, each) for cause, request_id, each in commands
    ]
    for begin in range(0, len(messages), AT_A_TIME):
        for result in await execution.execute_many(messages[begin : begin + AT_A_TIME]):
            if isinstance(result, Exception):
                log.warning("daily_run_not_recorded", error=type(result).__name__)
