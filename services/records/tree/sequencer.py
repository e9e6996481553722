"""The sequencer gives each leaf its number, extends the tree, and signs checkpoints.

One process does this, by a lease. If a second process acts too, for example after a pause, it does
no harm: each number, each leaf's place and each checkpoint's number is unique. It writes what the
first would have written, or fails with `Overtaken` and reads the tree again.

The queue of leaves that wait for their number. Records' own events fill it at least once.
"""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.clock import Clock, new_id
from bmt.contracts import topics
from bmt.contracts.envelope import rfc3339
from services.records.domain.events import EventFiled
from services.records.ledger.leaf import Entry, Leaf
from services.records.ledger.leaves import Leaves
from services.records.tree.checkpoints import Checkpoint, Checkpoints, SignedCheckpoint, Signer
from services.records.tree.merkle import Frontier
from services.records.tree.tree_store import Overtaken, Sequenced, TreeDamaged, TreeStore, place_of

QUEUE: Final = "unsequenced"
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
        self._queue = database[QUEUE]
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
        crash_points.reached("records.sequencer.queueing")
        with mongodb.store_errors():
            await self._queue.insert_many(waves, ordered=True)
        crash_points.reached("records.sequencer.queued")
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


async def announce_keys(leaves: Leaves, queue: Unsequenced, signer: Signer, clock: Clock) -> None:
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


COLLECTION: Final = "sequencer"
LASTS: Final = timedelta(seconds=10)


class Lease:
    """This process' lease. It saves work; correctness depends on the tree's unique numbers."""

    def __init__(self, database: mongodb.Database, clock: Clock) -> None:
        """The user needs find, insert and update."""
        self._leases = database[COLLECTION]
        self._clock = clock
        self._holder = new_id()
        self._renewed: datetime | None = None

    async def held(self) -> bool:
        """Take or renew the lease. False: another process has it."""
        now = self._clock()
        if self._renewed is not None and timedelta(0) <= now - self._renewed < LASTS / 3:
            return True
        self._renewed = None
        free = {"$or": [{"holder": self._holder}, {"until": {"$lt": now}}]}
        with mongodb.store_errors():
            try:
                await self._leases.update_one(
                    {"_id": COLLECTION, **free},
                    {"$set": {"holder": self._holder, "until": now + LASTS}},
                    upsert=True,
                )
            except mongodb.DuplicateKeyError:
                return False
        self._renewed = now
        return True

    async def release(self) -> None:
        self._renewed = None
        with mongodb.store_errors():
            await self._leases.delete_one({"_id": COLLECTION, "holder": self._holder})


log = structlog.get_logger(__name__)

AT_A_TIME: Final = 1024
REMEMBERED: Final = 20_000
"""The number of chains whose last sequenced leaf is cached."""
GATHERED_FOR_SECONDS: Final = 0.1
"""Leaves that arrive within this time are numbered together, unless somebody waits for them."""
LEAVES_AT_MOST: Final = 256
"""A checkpoint is signed after so many leaves even in a rush: one tile of the tree."""
IDLE_SECONDS: Final = 1.0
LOOKED_AGAIN_AFTER_SECONDS: Final = 10.0
RENEWED_AFTER_SECONDS: Final = 60.0
"""A checkpoint is signed after this time even without new leaves, to show that there were none."""


class HistoryChanged(Exception):  # noqa: N818  named for what is so
    """The stored tree does not begin with what was signed. Nothing more is signed."""


class Sequencer:
    """Extends one tree while its process has the lease."""

    def __init__(
        self,
        *,
        leaves: Leaves,
        queue: Unsequenced,
        tree: TreeStore,
        checkpoints: Checkpoints,
        lease: Lease,
        signer: Signer,
        origin: str,
        clock: Clock,
        after: timedelta,
        leaves_at_most: int = LEAVES_AT_MOST,
    ) -> None:
        """Signs a checkpoint `after` a leaf, or after `leaves_at_most` leaves."""
        self._leaves = leaves
        self._queue = queue
        self._tree = tree
        self._checkpoints = checkpoints
        self._lease = lease
        self._signer = signer
        self._origin = origin
        self._clock = clock
        self._after = after
        self._leaves_at_most = leaves_at_most
        self._edge: Frontier | None = None
        self._last: SignedCheckpoint | None = None
        self._covered = 0
        self._signed_at: float | None = None
        self._reached: LruCache[str, int] = LruCache(REMEMBERED)
        self._behind = False
        self._signature_requested = asyncio.Event()

    async def run(self) -> None:
        """Sequence until cancelled, waiting for parts that are down.

        If the history was changed, nothing is signed until it is restored. Files are still filled,
        and `bmt_checkpoint_age_seconds` grows until somebody investigates.
        """
        while True:
            try:
                busy = await self.step()
            except Unavailable as error:
                log.warning("sequencer_waits", part=error.part)
                self._edge = None
                busy = False
            except HistoryChanged as changed:
                log.critical("history_changed", detail=str(changed))
                await asyncio.sleep(LOOKED_AGAIN_AFTER_SECONDS)
                continue
            if not busy:
                await self._queue.arrival(self._pause())
            await self._gathered()

    async def _gathered(self) -> None:
        """Return when the waiting leaves should be numbered."""
        if self._behind:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHERED_FOR_SECONDS):
                await self._signature_requested.wait()

    async def step(self) -> bool:
        """Do one round of work. False: there was none, or another process does it."""
        if not await self._lease.held():
            self._edge = None
            return False
        try:
            if self._edge is None:
                await self._begin()
            grown = await self._grow()
            await self._sign_if_due()
        except Overtaken:
            log.info("sequencer_overtaken")
            self._edge = None
            return True
        return grown

    async def request_signature(self, leaves: Sequence[Leaf]) -> None:
        """Sign these leaves at once, if this process signs.

        They are queued again, because leaves from before there was a tree were never queued.
        """
        await self._queue.add([place_of(leaf) for leaf in leaves])
        self._signature_requested.set()

    async def close(self) -> None:
        """Release the lease. If that fails, the lease expires."""
        with suppress(Unavailable):
            await self._lease.release()

    async def _begin(self) -> None:
        """Read the tree and compare it with the last checkpoint."""
        last = await self._checkpoints.latest()
        # Read after the checkpoint, so that it includes what another process signs meanwhile.
        edge = await self._tree.edge()
        signed = last.checkpoint if last else None
        self._covered = signed.size if signed else 0
        if signed is not None and signed.size:
            if signed.size > edge.size:
                raise HistoryChanged(f"{edge.size} leaves are left of {signed.size} signed ones")
            if await self._root(signed.size) != signed.root:
                raise HistoryChanged(f"the first {signed.size} leaves are not those signed")
        self._edge, self._last, self._signed_at = edge, last, None
        self._reached = LruCache(REMEMBERED)
        await announce_keys(self._leaves, self._queue, self._signer, self._clock)

    async def _root(self, size: int) -> bytes | None:
        try:
            (root,) = await self._tree.roots([(0, size)])
        except TreeDamaged:
            return None
        return root

    async def _grow(self) -> bool:
        """Number the waiting leaves, each chain in its order."""
        waiting = await self._queue.first(AT_A_TIME)
        self._behind = len(waiting.leaves) >= AT_A_TIME
        if not waiting.leaves or self._edge is None:
            return False
        new = await self._in_order(waiting.leaves)
        if new:
            await self._tree.number(self._edge.size, new)
            for leaf in new:
                self._reached.put(leaf.request_id, leaf.index)
            tiles = self._edge.append([leaf.hash for leaf in new])
            # Only numbers matter: tiles that a crash leaves out are rebuilt from them.
            await asyncio.gather(self._tree.keep(tiles), self._queue.remove(waiting))
        else:
            await self._queue.remove(waiting)
        return True

    async def _in_order(self, waiting: Sequence[Sequenced]) -> list[Sequenced]:
        """The leaves without a number, and any before them that were never queued."""
        reached = await self._numbered({leaf.request_id for leaf in waiting})
        wanted: dict[str, dict[int, Sequenced]] = {}
        for leaf in waiting:
            if leaf.index > reached[leaf.request_id]:
                wanted.setdefault(leaf.request_id, {})[leaf.index] = leaf
        new: list[Sequenced] = []
        for request_id, chain in wanted.items():
            missing = set(range(reached[request_id] + 1, max(chain))) - chain.keys()
            whole = chain | await self._from_ledger(request_id, missing)
            new += (whole[index] for index in sorted(whole))
        return new

    async def _numbered(self, request_ids: Collection[str]) -> Mapping[str, int]:
        """The last numbered leaf of each of these chains, or 0.

        No other process changes this meanwhile: it would take the next number, and this one would
        be overtaken.
        """
        reached = {
            name: index for name in request_ids if (index := self._reached.get(name)) is not None
        }
        unknown = [name for name in request_ids if name not in reached]
        found = dict.fromkeys(unknown, 0)
        for request_id, index in await self._tree.numbers(unknown) if unknown else ():
            found[request_id] = max(index, found[request_id])
        return {**reached, **found}

    async def _from_ledger(self, request_id: str, missing: Collection[int]) -> dict[int, Sequenced]:
        if not missing:
            return {}
        return {
            leaf.index: place_of(leaf)
            for leaf in await self._leaves.of(request_id)
            if leaf.index in missing
        }

    async def _sign_if_due(self) -> None:
        """Uses this process' monotonic clock: the wall clock may be set back."""
        if self._edge is None:
            return
        more = self._edge.size - self._covered
        since = math.inf if self._signed_at is None else _now() - self._signed_at
        wait = self._after.total_seconds() if more else RENEWED_AFTER_SECONDS
        requested = self._signature_requested.is_set() and more
        if since >= wait or more >= self._leaves_at_most or requested:
            await self._sign(self._edge)

    async def _sign(self, edge: Frontier) -> None:
        self._signature_requested.clear()
        at = self._clock() if self._last is None else max(self._clock(), self._last.at)
        text = Checkpoint(self._origin, edge.size, edge.root(), rfc3339(at)).text()
        number = self._last.number + 1 if self._last else 1
        signed = SignedCheckpoint(number, self._signer.sign(text), at)
        await self._checkpoints.add(signed, edge.size)
        self._last, self._covered, self._signed_at = signed, edge.size, _now()

    def _pause(self) -> float:
        return min(IDLE_SECONDS, max(0.05, self._after.total_seconds() / 4))


def _now() -> float:
    return asyncio.get_running_loop().time()
