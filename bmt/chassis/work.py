"""Work that a stored event promised, taken under a lease: a crash leaves a lease that runs out.

The queue is a view: events put work in and take it out, and it can be filled again from them. Putting
work in that was done before is harmless, because who performs it looks at the stream first.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import BaseModel

from bmt.chassis import mongodb
from bmt.chassis.decider import Heard


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Something to do.

    Attributes:
        id: one piece of work, for example `<request>:<what>`; the same id is the same work.
        target: what it calls; each target has its own bounded concurrency.
        subject: the request it belongs to.
        due_at: not before.
        attempts: tries so far.
        waiting_for: why the last try did not finish, for people; empty at first.
    """

    id: str
    target: str
    subject: str
    due_at: datetime
    attempts: int = 0
    waiting_for: str = ""


@dataclass(frozen=True, slots=True)
class Remove:
    """The work with this id is done, or no longer wanted."""

    id: str


WorkChange = WorkItem | Remove
"""What an event does to the queue: new work, or work that is over."""


class WorkQueue(Protocol):
    """Due work. Every method raises `StoreUnavailable` when it cannot be reached."""

    async def change(self, changes: Sequence[WorkChange]) -> None:
        """Put in and take out, in order; work that is there already stays as it is."""
        ...

    async def take(self, target: str, now: datetime, lease: timedelta) -> WorkItem | None:
        """One due item nobody else holds, held until the lease runs out; its attempts count up."""
        ...

    async def hold(self, id_: str, until: datetime) -> None:
        """Go on holding an item that was taken: its lease now runs out at `until`."""
        ...

    async def postpone(self, id_: str, due_at: datetime, waiting_for: str) -> None:
        """Give an item back, to be taken again at `due_at`."""
        ...

    async def list(self, limit: int) -> Sequence[WorkItem]:
        """What waits, the longest due first."""
        ...

    async def clear(self) -> None:
        """Remove all, to fill it again."""
        ...


class MongoWorkQueue:
    """The queue in the service's own database."""

    def __init__(self, collection: mongodb.Collection) -> None:
        """`collection` needs find, insert, update and delete."""
        self._work = mongodb.rebuildable(collection)

    async def prepare(self) -> None:
        """Create the index that taking rests on."""
        with mongodb.store_errors():
            await self._work.create_indexes([mongodb.IndexModel([("target", 1), ("due_at", 1)])])

    async def change(self, changes: Sequence[WorkChange]) -> None:
        """As `WorkQueue.change`: one bulk write."""
        if changes:
            with mongodb.store_errors():
                await self._work.bulk_write([_write(change) for change in changes])

    async def take(self, target: str, now: datetime, lease: timedelta) -> WorkItem | None:
        """As `WorkQueue.take`: one findOneAndUpdate; a held item is one that is due later."""
        with mongodb.store_errors():
            taken = await self._work.find_one_and_update(
                {"target": target, "due_at": {"$lte": now}},
                {"$set": {"due_at": now + lease}, "$inc": {"attempts": 1}},
                sort=[("due_at", 1)],
                return_document=mongodb.ReturnDocument.AFTER,
            )
        return _item(taken) if taken else None

    async def hold(self, id_: str, until: datetime) -> None:
        """As `WorkQueue.hold`."""
        with mongodb.store_errors():
            await self._work.update_one({"_id": id_}, {"$set": {"due_at": until}})

    async def postpone(self, id_: str, due_at: datetime, waiting_for: str) -> None:
        """As `WorkQueue.postpone`."""
        with mongodb.store_errors():
            await self._work.update_one(
                {"_id": id_}, {"$set": {"due_at": due_at, "waiting_for": waiting_for}}
            )

    async def list(self, limit: int) -> Sequence[WorkItem]:
        """As `WorkQueue.list`."""
        with mongodb.store_errors():
            found = await self._work.find().sort("due_at", 1).limit(limit).to_list(None)
        return [_item(document) for document in found]

    async def clear(self) -> None:
        """As `WorkQueue.clear`."""
        with mongodb.store_errors():
            await self._work.delete_many({})


class WorkProjection:
    """Fills a queue from events, and wakes who works on it."""

    def __init__(
        self,
        queue: WorkQueue,
        change: Callable[[Heard[BaseModel]], Sequence[WorkChange]],
        wake: Callable[[], None],
    ) -> None:
        """`change` is pure: what an event does to the queue."""
        self._queue = queue
        self._change = change
        self._wake = wake

    async def apply(self, heard: Sequence[Heard[BaseModel]]) -> None:
        """As `Projection.apply`."""
        changes = [change for event in heard for change in self._change(event)]
        await self._queue.change(changes)
        if any(isinstance(change, WorkItem) for change in changes):
            self._wake()


def _write(change: WorkChange) -> Any:
    if isinstance(change, Remove):
        return mongodb.DeleteOne({"_id": change.id})
    return mongodb.UpdateOne(
        {"_id": change.id},
        {
            "$setOnInsert": {
                "target": change.target,
                "subject": change.subject,
                "due_at": change.due_at,
                "attempts": change.attempts,
                "waiting_for": change.waiting_for,
            }
        },
        upsert=True,
    )


def _item(document: dict[str, Any]) -> WorkItem:
    return WorkItem(
        id=document["_id"],
        target=document["target"],
        subject=document["subject"],
        due_at=document["due_at"],
        attempts=document["attempts"],
        waiting_for=document["waiting_for"],
    )
