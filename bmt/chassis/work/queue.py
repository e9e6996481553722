"""Work that a stored event promised, taken under a lease. After a crash the lease runs out.

The queue is a view: events add and remove work, and it can be refilled from them. Adding finished work
again is harmless, because its worker looks at the stream first.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bmt.chassis.runtime import mongodb
from bmt.contracts.immutable import immutable


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
    """

    id: str
    target: str
    subject: str
    due_at: datetime
    attempts: int = 0
    waiting_for: str = ""
    held: bool = False


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
                    [
                        mongodb.UpdateOne({"_id": one.id}, {"$set": _put_off(one)})
                        for one in given_back
                    ],
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

    async def clear(self) -> None:
        with mongodb.store_errors():
            await self._work.delete_many({})


def _put_off(one: Postpone) -> dict[str, Any]:
    return {"due_at": one.due_at, "waiting_for": one.waiting_for, "held": False}


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
    return {
        "_id": item.id,
        "target": item.target,
        "subject": item.subject,
        "due_at": item.due_at,
        "attempts": item.attempts,
        "waiting_for": item.waiting_for,
        "held": item.held,
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
    )
