"""Leaves that wait for their number: a queue, filled at least once from what the service says to itself."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from pydantic import BaseModel

from bmt.chassis import crash_points, mongodb
from bmt.chassis.decider import Heard
from services.records.domain.events import EventFiled
from services.records.tree.tree_store import Sequenced

COLLECTION: Final = "unsequenced"


class Unsequenced:
    """A projection of `EventFiled`: the leaf that each names is to be numbered.

    Hearing it again queues a leaf again that has its number; the sequencer takes it out.
    """

    def __init__(self, database: mongodb.Database) -> None:
        """The user needs find, insert and remove."""
        self._queue = database[COLLECTION]
        self._arrived = asyncio.Event()

    async def apply(self, heard: Sequence[Heard[BaseModel]]) -> None:
        """Queue the leaves of these events, durably: their commits are not told of again."""
        await self.add(
            {
                event.event_id: Sequenced(
                    one.subject, event.leaf_index, bytes.fromhex(event.leaf_hash)
                )
                for one in heard
                if isinstance(event := one.data, EventFiled)
            }
        )

    async def add(self, leaves: dict[str, Sequenced]) -> None:
        """Queue leaves by their events' ids."""
        if not leaves:
            return
        documents = [
            {"_id": id_, "request_id": leaf.request_id, "index": leaf.index, "hash": leaf.hash}
            for id_, leaf in leaves.items()
        ]
        crash_points.reached("records.unsequenced.queueing")
        with mongodb.store_errors():
            try:
                await self._queue.insert_many(documents, ordered=False)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)
        crash_points.reached("records.unsequenced.queued")
        self._arrived.set()

    async def first(self, limit: int) -> dict[str, Sequenced]:
        """The oldest that wait, by their events' ids."""
        self._arrived.clear()
        with mongodb.store_errors():
            found = self._queue.find().sort("_id", 1).limit(limit)
            return {
                leaf["_id"]: Sequenced(leaf["request_id"], leaf["index"], bytes(leaf["hash"]))
                for leaf in await found.to_list(None)
            }

    async def remove(self, event_ids: Collection[str]) -> None:
        """These have their numbers."""
        with mongodb.store_errors():
            await self._queue.delete_many({"_id": {"$in": list(event_ids)}})

    async def arrival(self, seconds: float) -> None:
        """Return when one was queued here since `first` looked, or after some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return
