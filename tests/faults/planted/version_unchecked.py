"""Nothing keeps two decisions from one version of a stream: both administrators win."""

import asyncio

from bmt.chassis.eventsourcing import event_store
from bmt.chassis.eventsourcing.event_store import MongoEventStore
from bmt.chassis.runtime.mongodb import IndexModel

SERVICE = "approval"
FOUND_BY = ("I2", "I6")


def plant() -> None:
    load = MongoEventStore.load
    assert event_store._BY_STREAM.document["unique"]
    event_store._BY_STREAM = IndexModel([("stream", 1), ("version", 1)], name="stream")

    async def slow(self, streams):
        loaded = await load(self, streams)
        await asyncio.sleep(0.1)  # time itself is the bug: the other decides meanwhile
        return loaded

    MongoEventStore.load = slow
