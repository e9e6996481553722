"""Who performs the work: takes what is due, with a bounded concurrency for each target.

A worker is woken by the event that promised the work; a slow sweep finds what a crash left.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.clock import Clock
from bmt.chassis.errors import Unavailable
from bmt.chassis.work import Remove, WorkItem, WorkQueue

log = structlog.get_logger(__name__)

SWEEP_EVERY_SECONDS: Final = 0.5
LONGEST_BACKOFF_SECONDS: Final = 30.0
LEASE: Final = timedelta(seconds=6)
RENEWALS_IN_A_LEASE: Final = 3
AT_MOST_SECONDS: Final = 120.0
"""For one try: what hangs is given up, and tried again later."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it is recorded; the work is over."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: try again after so many seconds, for this reason (no personal data)."""

    seconds: float
    reason: str


WorkOutcome = Done | Later
Perform = Callable[[WorkItem], Awaitable[WorkOutcome]]


class Worker:
    """Performs the work of one target."""

    def __init__(
        self,
        *,
        target: str,
        queue: WorkQueue,
        perform: Perform,
        clock: Clock,
        concurrency: int = 8,
        lease: timedelta = LEASE,
    ) -> None:
        """The lease is renewed while `perform` runs: it bounds what a crash costs, not the work."""
        self._target = target
        self._queue = queue
        self._perform = perform
        self._clock = clock
        self._concurrency = concurrency
        self._lease = lease
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There may be work now."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is finished by whoever takes it next."""
        slots = asyncio.Semaphore(self._concurrency)
        async with asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                item = await self._take()
                if item is None:
                    slots.release()
                    await self._wait()
                else:
                    crash_points.reached("worker.taken")
                    task = group.create_task(self._do(item))
                    task.add_done_callback(lambda _: slots.release())

    async def _take(self) -> WorkItem | None:
        # Cleared before looking: what wakes us from here on is not in what we saw.
        self._woken.clear()
        try:
            return await self._queue.take(self._target, self._clock(), self._lease)
        except Unavailable as error:
            log.warning("worker_waits", target=self._target, part=error.part)
            return None

    async def _do(self, item: WorkItem) -> None:
        renewing = asyncio.create_task(self._renew(item))
        try:
            outcome = await self._attempt(item)
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])
        crash_points.reached("worker.performed")
        try:
            await self._settle(item, outcome)
        except Unavailable as error:
            # The lease runs out and the work is looked at again.
            log.warning("worker_waits", target=self._target, part=error.part)

    async def _renew(self, item: WorkItem) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / RENEWALS_IN_A_LEASE)
            try:
                await self._queue.hold(item.id, self._clock() + self._lease)
                crash_points.reached("worker.lease_renewed")
            except Unavailable as error:
                log.warning("lease_not_renewed", target=self._target, part=error.part)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_EVERY_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311
                await self._woken.wait()
        except TimeoutError:
            return

    async def _attempt(self, item: WorkItem) -> WorkOutcome:
        try:
            async with asyncio.timeout(AT_MOST_SECONDS):
                return await self._perform(item)
        except Unavailable as error:
            return Later(backoff(item.attempts), f"{error.part} cannot be reached")
        except Exception as error:
            # One item's failure stops no other.
            log.exception("work_failed", target=self._target, request_id=item.subject)
            return Later(backoff(item.attempts), type(error).__name__)

    async def _settle(self, item: WorkItem, outcome: WorkOutcome) -> None:
        if isinstance(outcome, Done):
            await self._queue.change([Remove(item.id)])
            crash_points.reached("worker.removed")
        else:
            due_at = self._clock() + timedelta(seconds=outcome.seconds)
            await self._queue.postpone(item.id, due_at, outcome.reason)
            crash_points.reached("worker.postponed")


def backoff(attempts: int) -> float:
    """A random part of a wait that doubles with each attempt, at most 30 s (full jitter)."""
    ceiling = min(LONGEST_BACKOFF_SECONDS, 0.25 * 2.0 ** min(attempts, 10))
    return random.uniform(0.05, ceiling)  # noqa: S311  full jitter
