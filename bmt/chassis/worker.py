"""Who performs the work: takes what is due, hundreds at a time; who calls another system bounds those calls.

A worker is given new work by the event that promised it; a slow sweep finds what a crash left.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from bmt.chassis import crash_points
from bmt.chassis.batcher import Batcher
from bmt.chassis.clock import Clock
from bmt.chassis.errors import Unavailable
from bmt.chassis.work import Remove, WorkChange, WorkItem, WorkQueue

log = structlog.get_logger(__name__)

SWEEP_EVERY_SECONDS: Final = 1.0
IN_HAND: Final = 500
"""Items that a worker holds at a time, those under way included: beyond it they wait in the queue."""
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
        concurrency: int | None = None,
        lease: timedelta = LEASE,
    ) -> None:
        """All in hand is performed at once, or `concurrency` of it.

        The lease is renewed while work is in hand: it bounds what a crash costs, not the work.
        """
        self.target = target
        self._queue = queue
        self._perform = perform
        self._clock = clock
        self._at_once = asyncio.Semaphore(concurrency or IN_HAND)
        self._lease = lease
        self._woken = asyncio.Event()
        self._in_hand: set[str] = set()
        self._next: asyncio.Queue[WorkItem] = asyncio.Queue()
        self._running = False
        self._changes: Batcher[WorkChange, None] = Batcher(self._change)

    def wake(self) -> None:
        """There may be work now."""
        self._woken.set()

    def reserve(self, item: WorkItem) -> WorkItem | None:
        """As `Hands.reserve`."""
        now = self._clock()
        if not self._running or item.due_at > now or len(self._in_hand) >= IN_HAND:
            return None
        return replace(item, due_at=now + self._lease, attempts=item.attempts + 1, held=True)

    def take_over(self, item: WorkItem) -> None:
        """As `Hands.take_over`."""
        self._in_hand.add(item.id)
        self._next.put_nowait(item)

    async def run(self) -> None:
        """Work until cancelled; what is under way then is finished by whoever takes it next."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_for_work())
                group.create_task(self._renew_leases())
                while True:
                    item = await self._next.get()
                    await self._at_once.acquire()
                    group.create_task(self._work(item))
        finally:
            self._running = False
            self._in_hand.clear()
            self._next = asyncio.Queue()

    async def _look_for_work(self) -> None:
        """What others left, what was put off, and what came while all hands were full."""
        while True:
            # Cleared before looking: what wakes us from here on is not in what we saw.
            self._woken.clear()
            taken = await self._take(IN_HAND - len(self._in_hand))
            for item in taken:
                self.take_over(item)
            if len(self._in_hand) >= IN_HAND or not taken:
                await self._wait()

    async def _take(self, limit: int) -> Sequence[WorkItem]:
        if limit <= 0:
            return ()
        try:
            taken = await self._queue.take(self.target, self._clock(), self._lease, limit)
        except Unavailable as error:
            log.warning("worker_waits", target=self.target, part=error.part)
            return ()
        crash_points.reached("worker.taken")
        return taken

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(SWEEP_EVERY_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311
                await self._woken.wait()
        except TimeoutError:
            return

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / RENEWALS_IN_A_LEASE)
            if not self._in_hand:
                continue
            try:
                await self._queue.hold(list(self._in_hand), self._clock() + self._lease)
                crash_points.reached("worker.leases_renewed")
            except Unavailable as error:
                log.warning("leases_not_renewed", target=self.target, part=error.part)

    async def _work(self, item: WorkItem) -> None:
        try:
            outcome = await self._attempt(item)
        finally:
            self._at_once.release()
        crash_points.reached("worker.performed")
        self._in_hand.discard(item.id)
        try:
            await self._settle(item, outcome)
        except Unavailable as error:
            # The lease runs out and the work is looked at again.
            log.warning("worker_waits", target=self.target, part=error.part)
        if len(self._in_hand) == IN_HAND // 2:
            self.wake()

    async def _attempt(self, item: WorkItem) -> WorkOutcome:
        try:
            async with asyncio.timeout(AT_MOST_SECONDS):
                return await self._perform(item)
        except Unavailable as error:
            return Later(backoff(item.attempts), f"{error.part} cannot be reached")
        except TimeoutError:
            return Later(backoff(item.attempts), f"not finished within {AT_MOST_SECONDS:g} s")
        except Exception as error:
            # One item's failure stops no other.
            log.exception("work_failed", target=self.target, request_id=item.subject)
            return Later(backoff(item.attempts), type(error).__name__)

    async def _settle(self, item: WorkItem, outcome: WorkOutcome) -> None:
        if isinstance(outcome, Done):
            await self._changes.submit([Remove(item.id)])
            crash_points.reached("worker.removed")
        else:
            due_at = self._clock() + timedelta(seconds=outcome.seconds)
            await self._queue.postpone(item.id, due_at, outcome.reason)
            crash_points.reached("worker.postponed")
            asyncio.get_running_loop().call_later(outcome.seconds, self.wake)

    async def _change(self, changes: Sequence[WorkChange]) -> Sequence[None]:
        """What ends at the same time is taken out together."""
        await self._queue.change(changes)
        return [None] * len(changes)


def backoff(attempts: int) -> float:
    """A random part of a wait that doubles with each attempt, at most 30 s (full jitter)."""
    ceiling = min(LONGEST_BACKOFF_SECONDS, 0.25 * 2.0 ** min(attempts, 10))
    return random.uniform(0.05, ceiling)  # noqa: S311  full jitter
