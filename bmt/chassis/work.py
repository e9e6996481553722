"""Work that a stored event promised: its queue, and the worker that performs it, hundreds at a time, as a list.

The queue is a view: events add and remove work, and it can be refilled from them. Adding finished work
again is harmless, because its worker looks at the stream first. Work is taken under a lease; after a crash the lease
runs out. The event that promises new work gives it straight to the worker. A slow sweep finds what a crash left.
"""

import asyncio
import math
import random
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime import background, mongodb, tracing
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.tracing import Attribute, Kind, Span
from bmt.contracts.values import immutable


@immutable
class WorkItem:
    """One piece of work.

    Attributes:
        id: for example `<request>:<what>`; the same id is the same work.
        target: the system it calls. Each target has its own bounded concurrency.
        subject: the request it belongs to.
        due_at: not before.
        attempts: tries so far.
        waiting_for: why the last try did not finish, for people; empty at first.
        held: whether a worker holds it. Then `due_at` is when that lease runs out.
        traceparent: of the command that promised it, while spans are on; of its own span while it is performed.
        payload: what it needs that no stream of the service has.
    """

    id: str
    target: str
    subject: str
    due_at: datetime
    attempts: int = 0
    waiting_for: str = ""
    held: bool = False
    traceparent: str | None = None
    payload: bytes | None = None


@immutable
class Remove:
    """The work with this id is done, or no longer wanted."""

    id: str


@immutable
class Postpone:
    """The work with this id is given back until `due_at`. `waiting_for` is the reason, for people."""

    id: str
    due_at: datetime
    waiting_for: str


WorkChange = WorkItem | Remove
"""What an event does to the queue: new work, or work that is over."""


_IN_TURN: Final = [("target", 1), ("due_at", 1)]
INDEXES: Final = (mongodb.IndexModel(_IN_TURN),)


class WorkQueue:
    """Due work, in the service's own database.

    Every method raises `StoreUnavailable` if the database cannot be reached.
    """

    def __init__(self, collection: mongodb.Collection) -> None:
        self._durable = collection
        self._work = mongodb.rebuildable(collection)

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._work.create_indexes(list(INDEXES))

    async def change(
        self, changes: Sequence[WorkChange | Postpone], *, durable: bool = False
    ) -> Collection[str]:
        """Add, remove and postpone, in order. Returns the ids of new work. `durable`: no crash can undo it.

        Work that exists stays as it is. It is one write of each kind, unless an id occurs twice.
        """
        new: list[str] = []
        for part in _each_once(changes):
            await self._remove([change.id for change in part if isinstance(change, Remove)])
            items = [change for change in part if isinstance(change, WorkItem)]
            new += await self._insert(items, self._durable if durable else self._work)
            await self._postpone([change for change in part if isinstance(change, Postpone)])
        return new

    async def _remove(self, ids: Sequence[str]) -> None:
        if ids:
            with mongodb.store_errors():
                await self._work.delete_many({"_id": {"$in": ids}})

    async def _insert(self, items: Sequence[WorkItem], collection: mongodb.Collection) -> list[str]:
        if not items:
            return []
        there: set[int] = set()
        with mongodb.store_errors():
            try:
                await collection.insert_many([_document(item) for item in items], ordered=False)
            except mongodb.BulkWriteError as error:
                there = mongodb.duplicates(error)
        return [item.id for place, item in enumerate(items) if place not in there]

    async def _postpone(self, given_back: Sequence[Postpone]) -> None:
        if given_back:
            with mongodb.store_errors():
                await self._work.bulk_write(
                    [mongodb.UpdateOne({"_id": one.id}, _put_off(one)) for one in given_back],
                    ordered=False,
                )

    async def take(
        self, target: str, now: datetime, lease: timedelta, limit: int = 1
    ) -> Sequence[WorkItem]:
        """Due items that no worker holds, held until the lease runs out. Their attempts are counted."""
        due = {"target": target, "due_at": {"$lte": now}}
        with mongodb.store_errors():
            found = await self._work.find(due, {"_id": 1}).sort("due_at", 1).limit(limit).to_list()
            if not found:
                return ()
            ids = {"_id": {"$in": [one["_id"] for one in found]}}
            held_by = uuid.uuid4().hex
            held = {"due_at": now + lease, "held": True, "held_by": held_by}
            await self._work.update_many({**due, **ids}, {"$set": held, "$inc": {"attempts": 1}})
            taken = await self._work.find({**ids, "held_by": held_by}).to_list()
        return [_item(document) for document in taken]

    async def hold(self, ids: Collection[str], until: datetime) -> None:
        """Hold taken items on until `until`. Items given back meanwhile are not held again."""
        with mongodb.store_errors():
            await self._work.update_many(
                {"_id": {"$in": list(ids)}, "held": True}, {"$set": {"due_at": until}}
            )

    async def find(self, ids: Collection[str]) -> Sequence[WorkItem]:
        with mongodb.store_errors():
            found = await self._work.find({"_id": {"$in": list(ids)}}).to_list(None)
        return [_item(document) for document in found]

    async def list(self, limit: int) -> Sequence[WorkItem]:
        """The waiting work by target, the earliest due first."""
        with mongodb.store_errors():
            found = await self._work.find().sort(_IN_TURN).limit(limit).to_list(None)
        return [_item(document) for document in found]

    async def about(self, subject: str) -> Sequence[WorkItem]:
        """The waiting work of one request, the earliest due first. No index: the queue has open work alone."""
        with mongodb.store_errors():
            found = await self._work.find({"subject": subject}).sort("due_at", 1).to_list(None)
        return [_item(document) for document in found]

    async def count(self, target: str) -> int:
        with mongodb.store_errors():
            return int(await self._work.count_documents({"target": target}))

    async def clear(self) -> None:
        with mongodb.store_errors():
            await self._work.delete_many({})


def _put_off(one: Postpone) -> dict[str, Any]:
    return {"$set": {"due_at": one.due_at, "waiting_for": one.waiting_for, "held": False}}


def _each_once(
    changes: Sequence[WorkChange | Postpone],
) -> list[list[WorkChange | Postpone]]:
    """The changes in order, split before each repeated id."""
    parts: list[list[WorkChange | Postpone]] = []
    seen: set[str] = set()
    for change in changes:
        if not parts or change.id in seen:
            parts.append([])
            seen = set()
        seen.add(change.id)
        parts[-1].append(change)
    return parts


def _document(item: WorkItem) -> dict[str, Any]:
    traced: dict[str, Any] = {"traceparent": item.traceparent} if item.traceparent else {}
    if item.payload is not None:
        traced["payload"] = item.payload
    return {
        "_id": item.id,
        "target": item.target,
        "subject": item.subject,
        "due_at": item.due_at,
        "attempts": item.attempts,
        "waiting_for": item.waiting_for,
        "held": item.held,
        **traced,
    }


def _item(document: dict[str, Any]) -> WorkItem:
    return WorkItem(
        id=document["_id"],
        target=document["target"],
        subject=document["subject"],
        due_at=document["due_at"],
        attempts=document["attempts"],
        waiting_for=document["waiting_for"],
        held=document.get("held", False),
        traceparent=document.get("traceparent"),
        payload=document.get("payload"),
    )


log = structlog.get_logger(__name__)

SWEEP_EVERY_SECONDS: Final = 1.0
IN_HAND: Final = 500
"""Items that a worker holds at a time, unless it has fewer. The others wait in the queue."""
GATHER_SECONDS: Final = 0.25
"""How long new items are gathered while a list is performed. Then they are performed beside it."""
SETTLE_SECONDS: Final = 0.02
"""Outcomes within this time are written together. Nobody waits for the write."""
WAKES_A_SECOND: Final = 10
"""Postponed items are looked for at tenths of a second, so that a thousand items are not a thousand queries."""
LONGEST_BACKOFF_SECONDS: Final = 30.0
LEASE: Final = timedelta(seconds=6)
RENEWALS_IN_A_LEASE: Final = 3
AT_MOST_SECONDS: Final = 120.0
"""How long a list may go without an outcome. Then it is given up, and retried later."""


@dataclass(frozen=True, slots=True)
class Done:
    """The result is recorded; the work is over."""


@dataclass(frozen=True, slots=True)
class Later:
    """Not now: try again after so many seconds, for this reason (no personal data)."""

    seconds: float
    reason: str


WorkOutcome = Done | Later
Settle = Callable[[WorkItem, WorkOutcome], None]
"""Reports an item's outcome at once. The rest of its list may take longer."""

Perform = Callable[[WorkItem], Awaitable[WorkOutcome]]
"""Performs one item."""

PerformAll = Callable[[Sequence[WorkItem], Settle], Awaitable[None]]
"""Performs a list, and settles each item of it once. Several lists may run at the same time."""


def together(perform: PerformAll, within: float | None = None) -> PerformAll:
    """Perform a list at once. It is given up after two minutes, or `within` seconds, without an outcome.

    If it fails, each unsettled item is tried by itself, so that one item's failure stops no other.
    """

    async def bounded(items: Sequence[WorkItem], settle: Settle) -> None:
        left = {item.id: item for item in items}

        def settled(item: WorkItem, outcome: WorkOutcome) -> None:
            del left[item.id]
            if not given_up.expired():
                given_up.reschedule(asyncio.get_running_loop().time() + (within or AT_MOST_SECONDS))
            settle(item, outcome)

        try:
            async with asyncio.timeout(within or AT_MOST_SECONDS) as given_up:
                await perform(items, settled)
        except Exception as error:  # noqa: BLE001  belongs to the items that are left
            if len(items) > 1 and not (given_up.expired() or isinstance(error, Unavailable)):
                log.warning("list_failed", items=len(left), error=type(error).__name__)
                for item in list(left.values()):
                    await bounded([item], settle)
                return
            for item in left.values():
                settle(item, after(error, item))

    return bounded


def each(perform: Perform, at_once: int = IN_HAND, within: float | None = None) -> PerformAll:
    """Perform each item by itself, `at_once` at a time and each as long as a list. A stop cuts no short one off."""
    turns = asyncio.Semaphore(at_once)

    async def one(item: WorkItem, settle: Settle) -> None:
        async with turns:
            await background.whole(_attempt(item, settle))

    async def _attempt(item: WorkItem, settle: Settle) -> None:
        try:
            async with asyncio.timeout(within or AT_MOST_SECONDS):
                outcome = await perform(item)
        except Exception as error:  # noqa: BLE001  belongs to this item alone
            outcome = after(error, item)
        settle(item, outcome)

    async def perform_all(items: Sequence[WorkItem], settle: Settle) -> None:
        async with asyncio.TaskGroup() as group:
            for item in items:
                group.create_task(one(item, settle))

    return perform_all


def after(error: Exception, item: WorkItem) -> Later:
    """When an item that failed with `error` is tried again."""
    match error:
        case Unavailable():
            reason = f"{error.part} cannot be reached"
        case TimeoutError():
            reason = "not finished in time"
        case _:
            log.error("work_failed", target=item.target, request_id=item.subject, exc_info=error)
            reason = type(error).__name__
    return Later(backoff(item.attempts), reason)


class Worker:
    """Performs the work of one target."""

    def __init__(
        self,
        *,
        target: str,
        queue: WorkQueue,
        perform: PerformAll,
        clock: Clock,
        lease: timedelta = LEASE,
        most: int = IN_HAND,
    ) -> None:
        """`perform` is made by `together` or `each`; `most` items are held at a time.

        The lease is renewed while work is in hand. It bounds the cost of a crash, not the work.
        """
        self.target = target
        self._queue = queue
        self._perform = perform
        self._clock = clock
        self._lease = lease
        self._most = most
        self._woken = asyncio.Event()
        self._handed = asyncio.Event()
        self._ended = asyncio.Event()
        self._in_hand: set[str] = set()
        self._next: list[WorkItem] = []
        self._outcomes: list[tuple[WorkItem, WorkOutcome]] = []
        self._queue_turn = asyncio.Lock()  # what is being given back is not taken meanwhile
        self._running = False

    def wake(self) -> None:
        self._woken.set()

    def reserve(self, items: Sequence[WorkItem]) -> Sequence[WorkItem]:
        """The due items that this worker has room for, marked as held."""
        if not self._running:
            return ()
        now = self._clock()
        due = [item for item in items if item.due_at <= now]
        return [
            replace(item, due_at=now + self._lease, attempts=item.attempts + 1, held=True)
            for item in due[: self._room]
        ]

    def take_over(self, items: Sequence[WorkItem]) -> None:
        """Perform items that were reserved and are stored as held."""
        new = [item for item in items if item.id not in self._in_hand]
        self._in_hand.update(item.id for item in new)
        self._next += new
        if new:
            self._handed.set()

    @property
    def _room(self) -> int:
        return max(0, self._most - len(self._in_hand))

    async def run(self) -> None:
        """Work until cancelled. The next worker to take unfinished items finishes them."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_for_work())
                group.create_task(self._renew_leases())
                group.create_task(self._write_outcomes())
                while True:
                    await self._handed.wait()
                    self._handed.clear()
                    items, self._next = self._next, []
                    # A short list is waited for. A long one does not delay the next.
                    await asyncio.wait(
                        [group.create_task(self._work(items))], timeout=GATHER_SECONDS
                    )
        finally:
            self._running = False
            with suppress(Unavailable):
                await background.whole(self._give_back())
            self._in_hand.clear()
            self._next = []

    async def _work(self, items: Sequence[WorkItem]) -> None:
        left = {item.id: item for item in items}
        spans = {item.id: span for item in items if (span := _span(item))}
        given = [
            replace(item, traceparent=spans[item.id].traceparent) if item.id in spans else item
            for item in items
        ]

        def settle(item: WorkItem, outcome: WorkOutcome) -> None:
            del left[item.id]
            if span := spans.get(item.id):
                span.end(**{"bmt.outcome": type(outcome).__name__.lower()})
            crash_points.reached("work.performed")
            self._outcomes.append((item, outcome))
            self._ended.set()

        try:
            await self._perform(given, settle)
        except Exception:
            log.exception("work_failed", target=self.target, items=len(left))
        for item in list(left.values()):
            settle(item, Later(backoff(item.attempts), "nothing came of it"))

    async def _look_for_work(self) -> None:
        while True:
            # Cleared before looking, so that no later wake-up is lost.
            self._woken.clear()
            taken = await self._take(self._room)
            if not self._room or not taken:
                await self._wait()

    async def _take(self, limit: int) -> Sequence[WorkItem]:
        if limit <= 0:
            return ()
        try:
            async with self._queue_turn:
                taken = await self._queue.take(self.target, self._clock(), self._lease, limit)
                self.take_over(taken)
        except Unavailable as error:
            log.warning("worker_waits", target=self.target, part=error.part)
            return ()
        crash_points.reached("work.taken")
        return taken

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SWEEP_EVERY_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311
                await self._woken.wait()

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease.total_seconds() / RENEWALS_IN_A_LEASE)
            if not self._in_hand:
                continue
            try:
                await self._queue.hold(list(self._in_hand), self._clock() + self._lease)
                crash_points.reached("work.leases_renewed")
            except Unavailable as error:
                log.warning("leases_not_renewed", target=self.target, part=error.part)

    async def _write_outcomes(self) -> None:
        while True:
            await self._ended.wait()
            await asyncio.sleep(SETTLE_SECONDS)
            self._ended.clear()
            try:
                await self._give_back()
            except Unavailable as error:
                log.warning("worker_waits", target=self.target, part=error.part)
                await asyncio.sleep(SWEEP_EVERY_SECONDS)
                self._ended.set()

    async def _give_back(self) -> None:
        """Until its outcome is written, an item is in hand: taken again, it would be performed twice."""
        async with self._queue_turn:
            outcomes = list(self._outcomes)
            await self._write(outcomes)
            del self._outcomes[: len(outcomes)]
            before = len(self._in_hand)
            self._in_hand.difference_update(item.id for item, _ in outcomes)
        if before > self._most // 2 >= len(self._in_hand):
            self.wake()

    async def _write(self, outcomes: Sequence[tuple[WorkItem, WorkOutcome]]) -> None:
        """Remove what is done and postpone the rest, each in one write."""
        now = self._clock()
        done = [Remove(item.id) for item, outcome in outcomes if isinstance(outcome, Done)]
        later = {item.id: outcome for item, outcome in outcomes if isinstance(outcome, Later)}
        if done:
            await self._queue.change(done)
            crash_points.reached("work.removed")
        if later:
            put_off = [
                Postpone(id_, now + timedelta(seconds=one.seconds), one.reason)
                for id_, one in later.items()
            ]
            await self._queue.change(put_off)
            crash_points.reached("work.postponed")
        for tenths in {math.ceil(outcome.seconds * WAKES_A_SECOND) for outcome in later.values()}:
            asyncio.get_running_loop().call_later(tenths / WAKES_A_SECOND, self.wake)


def _span(item: WorkItem) -> Span | None:
    """None for what was promised while spans were off."""
    if not item.traceparent:
        return None
    about: dict[str, Attribute] = {"bmt.work.attempts": item.attempts}
    about["bmt.work.target"] = item.target
    name = f"work {item.target}"
    return tracing.begin(name, Kind.INTERNAL, item.traceparent, item.subject, **about)


def _traced(change: WorkChange, event: IncomingEvent[BaseModel]) -> WorkChange:
    if tracing.is_on() and isinstance(change, WorkItem):
        return replace(change, traceparent=event.envelope.traceparent)
    return change


class WorkProjection:
    """Fills a queue from events. New work goes straight to its worker, held from the start."""

    def __init__(
        self,
        queue: WorkQueue,
        change: Callable[[IncomingEvent[BaseModel]], Sequence[WorkChange]],
        workers: Sequence[Worker],
    ) -> None:
        """`change` is pure: what an event does to the queue."""
        self._queue = queue
        self._change = change
        self._workers = {one.target: one for one in workers}

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        changes = _still_due(
            [_traced(change, event) for event in incoming for change in self._change(event)]
        )
        if not changes:
            return
        items = [change for change in changes if isinstance(change, WorkItem)]
        held = {
            item.id: item
            for target, promised in _by_target(items).items()
            if target in self._workers
            for item in self._workers[target].reserve(promised)
        }
        ready = [held.get(change.id, change) for change in changes]
        # No outbox brings another service's events back.
        durable = any(event.unmarked or event.topic for event in incoming)
        # An item that existed before is being performed, or waits for its own reason.
        new = await self._queue.change(ready, durable=durable)
        for target, reserved in _by_target([held[id_] for id_ in new if id_ in held]).items():
            self._workers[target].take_over(reserved)
        for target in {item.target for item in items if item.id not in held} & self._workers.keys():
            self._workers[target].wake()


def _still_due(changes: Sequence[WorkChange]) -> list[WorkChange]:
    """Without the work that the same events end again: no worker sees it."""
    ended: set[str] = set()
    kept: list[WorkChange] = []
    for change in reversed(changes):
        if isinstance(change, Remove):
            ended.add(change.id)
        elif change.id in ended:
            continue
        kept.append(change)
    return kept[::-1]


def _by_target(items: Sequence[WorkItem]) -> Mapping[str, Sequence[WorkItem]]:
    found: dict[str, list[WorkItem]] = {}
    for item in items:
        found.setdefault(item.target, []).append(item)
    return found


def backoff(attempts: int) -> float:
    """A random part of a wait that doubles with each attempt, at most 30 s (full jitter)."""
    return background.backoff(attempts, first=0.25, longest=LONGEST_BACKOFF_SECONDS, least=0.05)
