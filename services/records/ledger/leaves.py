"""The leaves, and the register of file numbers, in MongoDB. They are only found and inserted: the database user may not change them."""

import asyncio
import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge

from bmt.chassis import crash_points
from bmt.chassis.errors import CausationReused, StillContended
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.observability import Sampler
from bmt.contracts.envelope import rfc3339
from services.records.ledger.canonical import NotCanonical
from services.records.ledger.leaf import (
    NOT_HASHED,
    Entry,
    Leaf,
    OpenLeaf,
    Sealed,
    Tail,
    chained,
    opened,
    sealed,
)
from services.records.sealing.keys import PersonKeys

NUMBERS: Final = "file_numbers"
NUMBER_TRIES: Final = 100

NUMBER_INDEXES: Final = (
    mongodb.IndexModel([("agency", 1), ("number", 1)], unique=True, name="series"),
)


class FileNumbers:
    """Gives each request the next number of its agency's series, once.

    A number is a document. It is inserted once its predecessor is durable, and refused if another
    process took it. So no counter can run ahead of the files.
    """

    def __init__(self, collection: mongodb.Collection, series: str) -> None:
        """`collection` needs find and insert. `{agency}` in `series` becomes the agency's code."""
        self._numbers = collection
        self._series = series
        self._given: LruCache[str, str] = LruCache(REMEMBERED)

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._numbers.create_indexes(list(NUMBER_INDEXES))

    async def of(self, requests: Mapping[str, str]) -> dict[str, str]:
        """The file number of each request, for example `MAMPU.BMT.600-1/2/17`.

        `requests` maps to agencies.

        Raises:
            StoreUnavailable: the numbers may not be stored. A repetition gives the same ones.
        """
        known = {name: given for name in requests if (given := self._given.get(name)) is not None}
        missing = {name: agency for name, agency in requests.items() if name not in known}
        for name, given in (await self._give(missing) if missing else {}).items():
            self._given.put(name, given)
            known[name] = given
        return known

    async def _give(self, agencies: Mapping[str, str]) -> dict[str, str]:
        given = await self._known(agencies)
        for _ in range(NUMBER_TRIES):
            new = {name: agency for name, agency in agencies.items() if name not in given}
            if not new:
                return given
            for agency in sorted(set(new.values())):
                wanting = [request_id for request_id in new if new[request_id] == agency]
                await self._insert(agency, wanting)
            given |= await self._known(new)
        raise StillContended("file_numbers")

    async def _insert(self, agency: str, request_ids: Sequence[str]) -> None:
        """Insert the next numbers, in order. A conflict ends the attempt without a gap."""
        with mongodb.store_errors():
            last = await self._numbers.find_one({"agency": agency}, sort=[("number", -1)])
            number = last["number"] if last else 0
            documents = [
                {"_id": request_id, "agency": agency, "number": number + place}
                for place, request_id in enumerate(request_ids, start=1)
            ]
            crash_points.reached("records.leaves.numbering")
            try:
                await self._numbers.insert_many(documents, ordered=True)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)
        crash_points.reached("records.leaves.numbered")

    async def _known(self, request_ids: Collection[str]) -> dict[str, str]:
        with mongodb.store_errors():
            found = await self._numbers.find({"_id": {"$in": list(request_ids)}}).to_list(None)
        return {given["_id"]: self._named(given["agency"], given["number"]) for given in found}

    def _named(self, agency: str, number: int) -> str:
        return f"{self._series.replace('{agency}', agency)}/{number}"


COLLECTION: Final = "leaves"
CONFLICT_TRIES: Final = 20
REMEMBERED: Final = 20_000
"""The number of chains whose end is cached. Each takes some hundred bytes."""

_CHAIN = mongodb.IndexModel([("request_id", 1), ("index", 1)], unique=True, name="chain")

_SEALED_UNDER = mongodb.IndexModel([("sealed.key", 1), ("request_id", 1)], name="sealed_under")
INDEXES: Final = (_CHAIN, _SEALED_UNDER)

Added = Leaf | CausationReused | NotCanonical
"""The result for an entry: its leaf; another event has its id; it has no canonical form."""


class Leaves:
    """The ledger's leaves.

    An event's id is its leaf's id, so the same event twice is one leaf. `(request_id, index)` is
    unique, so if two processes want a place, one gets it and the other takes the next.
    """

    def __init__(self, collection: mongodb.Collection, clock: Clock, people: PersonKeys) -> None:
        """`collection` needs find and insert. The keys of `people` seal personal values."""
        self._leaves = collection
        self._clock = clock
        self._people = people
        self._ends: LruCache[str, Tail] = LruCache(REMEMBERED)

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._leaves.create_indexes(list(INDEXES))

    async def add(self, entry: Entry) -> Leaf:
        """The leaf of this event, durable. The existing one if the event is known.

        Raises:
            NotCanonical: the event has no canonical form.
            CausationReused: another event was filed under this id.
            StoreUnavailable: the leaf may not be written. The call may be repeated.
        """
        (added,) = await self.add_all([entry])
        if isinstance(added, Leaf):
            return added
        raise added

    async def add_all(self, entries: Sequence[Entry]) -> list[Added]:
        """As `add`, for several events.

        Errors are returned. Events of one request are chained in the given order.

        Raises:
            StoreUnavailable: some may be written. The call may be repeated.
        """
        added: dict[int, Added] = {}
        ready: dict[int, Entry] = {}
        for place, entry in enumerate(await sealed(entries, self._people)):
            if isinstance(entry, NotCanonical):
                added[place] = entry
            else:
                ready[place] = entry
        lost = 0
        while ready:
            settled = await self._attempt(ready, entries)
            added |= settled
            ready = {place: entry for place, entry in ready.items() if place not in settled}
            if not settled:
                lost += 1
                if lost >= CONFLICT_TRIES:
                    raise StillContended("ledger")
                # A majority read may not show the other leaf yet.
                await asyncio.sleep(random.uniform(0, 0.002 * 2 ** min(lost, 6)))  # noqa: S311
        return [added[place] for place in range(len(entries))]

    async def of(self, request_id: str) -> list[Leaf]:
        with mongodb.store_errors():
            cursor = self._leaves.find({"request_id": request_id}).sort("index", 1)
            return [_leaf(document) for document in await cursor.to_list(None)]

    async def opened(self, request_id: str) -> list[OpenLeaf]:
        """As `of`, with the personal values as far as their keys still exist."""
        return await opened(await self.of(request_id), self._people)

    async def opened_event(self, event_id: str) -> OpenLeaf | None:
        """As `opened`, of one event."""
        return (await self._known([event_id])).get(event_id)

    async def opened_of(self, request_ids: Collection[str]) -> dict[str, list[OpenLeaf]]:
        """As `opened`, for several requests."""
        with mongodb.store_errors():
            cursor = self._leaves.find({"request_id": {"$in": list(request_ids)}})
            stored = await cursor.sort([("request_id", 1), ("index", 1)]).to_list(None)
        found: dict[str, list[OpenLeaf]] = {}
        for leaf in await opened(list(map(_leaf, stored)), self._people):
            found.setdefault(leaf.leaf.request_id, []).append(leaf)
        return found

    async def requests_under(self, keys: Collection[str]) -> set[str]:
        """The requests whose chains contain something sealed under one of these keys."""
        pipeline: list[dict[str, Any]] = [
            {"$match": {"sealed.key": {"$in": list(keys)}}},
            {"$group": {"_id": "$request_id"}},
        ]
        with mongodb.store_errors():
            return {one["_id"] for one in await self._leaves.aggregate(pipeline).to_list(None)}

    async def count(self) -> int:
        """The number of leaves, by the collection's own estimate."""
        with mongodb.store_errors():
            return int(await self._leaves.estimated_document_count())

    async def _attempt(
        self, entries: Mapping[int, Entry], originals: Sequence[Entry]
    ) -> dict[int, Added]:
        """Write these once; those that found no place are left out. `originals` are the entries as given."""
        settled: dict[int, Added] = {}
        leaves: dict[int, Leaf] = {}
        ends = await self._tails({entry.request_id for entry in entries.values()})
        now = rfc3339(self._clock())
        for place, entry in entries.items():
            try:
                leaf = chained(entry, ends.get(entry.request_id, Tail()), now)
            except NotCanonical as error:
                settled[place] = error
                continue
            ends[entry.request_id] = Tail(leaf.index, leaf.hash)
            leaves[place] = leaf
        written = await self._insert(list(leaves.values()))
        for place, leaf in list(leaves.items())[:written]:
            settled[place] = leaf
            self._ends.put(leaf.request_id, Tail(leaf.index, leaf.hash))
        left = list(leaves.items())[written:]
        if left:
            # Another process took its place, or the event is already filed: read the chain's end again.
            self._ends.forget(left[0][1].request_id)
            known = await self._known([leaf.event_id for _, leaf in left])
            for place, leaf in left:
                if (stored := known.get(leaf.event_id)) is not None:
                    same = _same(originals[place], stored)
                    settled[place] = stored.leaf if same else CausationReused(leaf.event_id)
        return settled

    async def _tails(self, request_ids: Collection[str]) -> dict[str, Tail]:
        known = {name: end for name in request_ids if (end := self._ends.get(name)) is not None}
        missing = [name for name in request_ids if name not in known]
        return known | await self._stored_tails(missing) if missing else known

    async def _stored_tails(self, request_ids: Collection[str]) -> dict[str, Tail]:
        last = {"index": {"$last": "$index"}, "hash": {"$last": "$hash"}}
        pipeline: list[dict[str, Any]] = [
            {"$match": {"request_id": {"$in": list(request_ids)}}},
            {"$sort": {"request_id": 1, "index": 1}},
            {"$group": {"_id": "$request_id", **last}},
        ]
        with mongodb.store_errors():
            found = await self._leaves.aggregate(pipeline).to_list(None)
        return {tail["_id"]: Tail(tail["index"], tail["hash"]) for tail in found}

    async def _insert(self, leaves: Sequence[Leaf]) -> int:
        """Write these in one operation. The number that were written, from the first on.

        They are ordered: after one that a unique index refuses nothing is written, so no chain has
        a gap.
        """
        if not leaves:
            return 0
        crash_points.reached("records.leaves.inserting")
        with mongodb.store_errors():
            try:
                await self._leaves.insert_many([_document(leaf) for leaf in leaves], ordered=True)
            except mongodb.BulkWriteError as error:
                return min(mongodb.duplicates(error))
        crash_points.reached("records.leaves.inserted")
        return len(leaves)

    async def _known(self, event_ids: Collection[str]) -> dict[str, OpenLeaf]:
        with mongodb.store_errors():
            found = await self._leaves.find({"_id": {"$in": list(event_ids)}}).to_list(None)
        leaves = await opened(list(map(_leaf, found)), self._people)
        return {leaf.leaf.event_id: leaf for leaf in leaves}


def _same(entry: Entry, leaf: OpenLeaf) -> bool:
    """Whether it is the same event again. The data of a disposed event cannot be compared."""
    compared = ("source", "type") if leaf.closed else ("source", "type", "data")
    return all(entry.event.get(name) == leaf.event.get(name) for name in compared)


def _document(leaf: Leaf) -> dict[str, Any]:
    document = {"_id": leaf.event_id, **leaf.content, "hash": leaf.hash}
    if leaf.sealed is not None:
        document["sealed"] = {"key": leaf.sealed.key, "text": leaf.sealed.text}
    return document


def _leaf(document: Mapping[str, Any]) -> Leaf:
    content = {name: value for name, value in document.items() if name not in NOT_HASHED}
    stored = document.get("sealed")
    values = Sealed(stored["key"], bytes(stored["text"])) if stored else None
    return Leaf(content, document["hash"], values)


def measuring(leaves: Leaves, registry: CollectorRegistry) -> Sampler:
    """Sets `bmt_ledger_leaves` before it is read."""
    gauge = Gauge("bmt_ledger_leaves", "Events in the ledger.", registry=registry)

    async def sample() -> None:
        gauge.set(await leaves.count())

    return sample
