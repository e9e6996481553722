"""The queue of leaves that wait for their number. Records' own events fill it at least once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock, new_id
from bmt.contracts import topics
from bmt.contracts.envelope import rfc3339
from services.records.domain.events import EventFiled
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import Leaves
from services.records.tree.notes import Signer
from services.records.tree.tree_store import Sequenced, place_of

COLLECTION: Final = "unsequenced"
LONGEST_WAVE: Final = 256
"""Leaves in one document."""
WAVES_AT_A_TIME: Final = 32


@dataclass(slots=True)
class Waiting:
    """Waiting leaves, and the ids of the waves that they were queued in."""

    waves: list[str] = field(default_factory=list)
    leaves: list[Sequenced] = field(default_factory=list)


class Unsequenced:
    """A projection of `EventFiled`: the leaf of each event must be numbered.

    A redelivered event queues a leaf again that has its number. The sequencer ignores it.
    """

    def __init__(self, database: mongodb.Database) -> None:
        """The user needs find, insert and remove."""
        self._queue = database[COLLECTION]
        self._arrived = asyncio.Event()

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        """Queue the leaves of these events, durably: their commits are not projected again."""
        await self.add(
            [
                Sequenced(one.subject, event.leaf_index, bytes.fromhex(event.leaf_hash))
                for one in incoming
                if isinstance(event := one.data, EventFiled)
            ]
        )

    async def add(self, leaves: Sequence[Sequenced]) -> None:
        if not leaves:
            return
        waves = [
            _wave(leaves[place : place + LONGEST_WAVE])
            for place in range(0, len(leaves), LONGEST_WAVE)
        ]
        crash_points.reached("records.unsequenced.queueing")
        with mongodb.store_errors():
            await self._queue.insert_many(waves, ordered=True)
        crash_points.reached("records.unsequenced.queued")
        self._arrived.set()

    async def first(self, limit: int) -> Waiting:
        """The oldest waves, with at least `limit` leaves if there are as many."""
        self._arrived.clear()
        waiting = Waiting()
        with mongodb.store_errors():
            async for wave in self._queue.find().sort("_id", 1).batch_size(WAVES_AT_A_TIME):
                waiting.waves.append(wave["_id"])
                waiting.leaves += _leaves(wave)
                if len(waiting.leaves) >= limit:
                    break
        return waiting

    async def remove(self, waiting: Waiting) -> None:
        with mongodb.store_errors():
            await self._queue.delete_many({"_id": {"$in": waiting.waves}})

    async def arrival(self, seconds: float) -> None:
        """Return once a leaf was queued here since the last `first`, or after some seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return


def _wave(leaves: Sequence[Sequenced]) -> dict[str, Any]:
    queued = [
        {"request_id": leaf.request_id, "index": leaf.index, "hash": leaf.hash} for leaf in leaves
    ]
    return {"_id": new_id(), "leaves": queued}


def _leaves(wave: Mapping[str, Any]) -> list[Sequenced]:
    """Earlier versions queued each leaf by itself."""
    return [
        Sequenced(leaf["request_id"], leaf["index"], bytes(leaf["hash"]))
        for leaf in wave.get("leaves") or (wave,)
    ]


CHAIN: Final = "ledger"
"""The chain of the ledger's own leaves. No request has this id."""

TYPE: Final = "my.gov.bmt.records.LedgerKeysChanged.v1"


async def tell_keys(leaves: Leaves, queue: Unsequenced, signer: Signer, clock: Clock) -> None:
    """Add a leaf with the public keys that sign now, unless the last one has the same keys."""
    keys = sorted(map(str, signer.verifiers))
    chain = await leaves.of(CHAIN)
    if chain and chain[-1].event["data"]["keys"] == keys:
        leaf = chain[-1]
    else:
        leaf = await leaves.add(Entry(CHAIN, topics.RECORDS, _event(len(chain) + 1, keys, clock)))
    # Queued each time: a process may have died after adding the leaf.
    await queue.add([place_of(leaf)])


def _event(number: int, keys: list[str], clock: Clock) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{CHAIN}-keys-{number}",
        "source": "/bmt/records",
        "type": TYPE,
        "subject": CHAIN,
        "time": rfc3339(clock()),
        "data": {"keys": keys},
    }
