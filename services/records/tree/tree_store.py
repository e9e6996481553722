"""The tree in MongoDB: the numbers of the leaves, and the full tiles.

Only found and inserted, never changed.

`sequence` contains runs: leaves that were numbered together, under the number of the first. A run
begins where the one before it ends, so there is no gap. Its first number is unique, so of two
sequencers with the same tree one succeeds and the other fails before it could give a number, or
number a leaf, twice. Earlier versions stored each leaf by itself, which is a run of one. Tiles
follow from the runs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any, Final

from bmt.chassis import crash_points
from bmt.chassis.runtime import mongodb
from bmt.contracts.values import immutable
from services.records.ledger.leaf import Leaf
from services.records.tree.merkle import (
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    Node,
    Range,
    Tile,
    perfect_root,
    root_of,
    row,
)

SEQUENCE: Final = "sequence"
TILES: Final = "tiles"
_LEVEL: Final = 40
"""A tile's id is its level shifted by this many bits, plus its index."""

LONGEST_RUN: Final = 256
"""Leaves in a run. A number is in one of the runs that begin at most this far before it."""
HASH_BYTES: Final = 32

_CHAINS = mongodb.IndexModel([("leaves.request_id", 1)], name="chains")
_PLACE = mongodb.IndexModel([("request_id", 1), ("index", 1)], unique=True, name="place")
"""Finds the single leaves of earlier versions. A run has an `index` too, to be unique here."""
INDEXES: Final = (_CHAINS, _PLACE)


@immutable
class Sequenced:
    """A leaf in the tree.

    Attributes:
        request_id: its chain.
        index: its place there.
        hash: 32 bytes.
    """

    request_id: str
    index: int
    hash: bytes


def place_of(leaf: Leaf) -> Sequenced:
    """A ledger's leaf as the tree stores it."""
    return Sequenced(leaf.request_id, leaf.index, bytes.fromhex(leaf.hash))


class TreeDamaged(Exception):  # noqa: N818  named for what is so
    """Numbers or tiles are missing."""


class Overtaken(Exception):  # noqa: N818  named for what is so
    """Another sequencer wrote first. This one must read the tree again."""


class TreeStore:
    """The tree of one records database."""

    def __init__(self, database: mongodb.Database) -> None:
        """The user needs find and insert."""
        self._sequence = database[SEQUENCE]
        self._tiles = database[TILES]

    async def prepare(self) -> None:
        with mongodb.store_errors():
            await self._sequence.create_indexes(list(INDEXES))

    async def size(self) -> int:
        """How many leaves have a number."""
        with mongodb.store_errors():
            last = await self._sequence.find_one({}, _HASHES, sort=[("_id", -1)])
        return int(last["_id"]) + len(_hashes(last)) if last else 0

    async def number(self, start: int, leaves: Sequence[Sequenced]) -> None:
        """Give these the numbers from `start`, in order. `start` leaves must have one already.

        Raises:
            Overtaken: another sequencer gave some of these numbers; those before them are given.
            StoreUnavailable: they may not be given.
        """
        runs = [
            run(start + place, leaves[place : place + LONGEST_RUN])
            for place in range(0, len(leaves), LONGEST_RUN)
        ]
        crash_points.reached("records.tree_store.numbering")
        with mongodb.store_errors():
            try:
                await self._sequence.insert_many(runs, ordered=True)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)
                raise Overtaken from None
        crash_points.reached("records.tree_store.numbered")

    async def keep(self, tiles: Sequence[Tile]) -> None:
        """Store full tiles. Stored ones stay unchanged."""
        if not tiles:
            return
        with mongodb.store_errors():
            try:
                await self._tiles.insert_many(list(map(document, tiles)), ordered=True)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)
                for tile in tiles:
                    with suppress(mongodb.DuplicateKeyError):
                        await self._tiles.insert_one(document(tile))

    async def numbers(self, request_ids: Iterable[str]) -> dict[tuple[str, int], int]:
        """The numbers of all leaves of these chains, by chain and index."""
        wanted = set(request_ids)
        either = [{name: {"$in": list(wanted)}} for name in ("leaves.request_id", "request_id")]
        shown = {"leaves": 1, "request_id": 1, "index": 1}
        with mongodb.store_errors():
            runs = await self._sequence.find({"$or": either}, shown).to_list(None)
        return {
            (leaf["request_id"], leaf["index"]): run["_id"] + place
            for run in runs
            for place, leaf in enumerate(run.get("leaves") or (run,))
            if leaf["request_id"] in wanted
        }

    async def edge(self) -> Frontier:
        """The stored right edge. Tiles that a crash left out are rebuilt.

        Reads 256 documents for each level, however large the tree is.
        """
        edge = Frontier([], [])
        below = await self.size()
        level = 0
        while True:
            full = await self._full(level)
            edge.full.append(full)
            edge.open.append(await self._entries(level, full * TILE_WIDTH, below))
            if not full:
                break
            level, below = level + 1, full
        await self.keep(edge.settle())
        return edge

    async def roots(self, ranges: Sequence[Range]) -> list[bytes]:
        """The root over each of these ranges of numbered leaves.

        Raises:
            TreeDamaged: some of them are missing.
        """
        nodes = await self._nodes({node for wanted in ranges for node in row(wanted)})
        return [root_of(wanted, nodes) for wanted in ranges]

    async def _nodes(self, wanted: Iterable[Node]) -> Mapping[Node, bytes]:
        places = {node: _entries_of(node) for node in wanted}
        tiles = sorted({(level, start // TILE_WIDTH) for level, (start, _) in places.values()})
        with mongodb.store_errors():
            ids = [_id(level, index) for level, index in tiles]
            found = self._tiles.find({"_id": {"$in": ids}})
            hashes = {tile["_id"]: tile["hashes"] for tile in await found.to_list(None)}
        opened = {at: await self._open(*at) for at in tiles if _id(*at) not in hashes}
        nodes = {}
        for node, (level, (start, end)) in places.items():
            at = (level, start // TILE_WIDTH)
            entries = opened[at] if at in opened else split(hashes[_id(*at)])
            first = start % TILE_WIDTH
            leaves = entries[first : first + end - start]
            if len(leaves) != end - start:
                raise TreeDamaged
            nodes[node] = perfect_root(leaves)
        return nodes

    async def _open(self, level: int, index: int) -> list[bytes]:
        """The hashes of a tile that is not full yet."""
        return await self._entries(level, index * TILE_WIDTH, (index + 1) * TILE_WIDTH)

    async def _full(self, level: int) -> int:
        """The number of full tiles of a level."""
        within = {"_id": {"$gte": _id(level, 0), "$lt": _id(level + 1, 0)}}
        with mongodb.store_errors():
            last = await self._tiles.find_one(within, {"_id": 1}, sort=[("_id", -1)])
        return int(last["_id"]) - _id(level, 0) + 1 if last else 0

    async def _entries(self, level: int, start: int, end: int) -> list[bytes]:
        """The entries of a level from `start` up to `end`, as far as there are any."""
        if level == 0:
            return await self._numbered(start, end)
        first = _id(level - 1, 0)
        within = {"_id": {"$gte": first + start, "$lt": first + end}}
        with mongodb.store_errors():
            found = self._tiles.find(within, {"root": 1}).sort("_id", 1)
            return [bytes(entry["root"]) for entry in await found.to_list(None)]

    async def _numbered(self, start: int, end: int) -> list[bytes]:
        """The hashes of the leaves numbered from `start` up to `end`."""
        within = {"_id": {"$gt": start - LONGEST_RUN, "$lt": end}}
        with mongodb.store_errors():
            runs = await self._sequence.find(within, _HASHES).sort("_id", 1).to_list(None)
        return [
            hash_
            for run in runs
            for number, hash_ in enumerate(_hashes(run), run["_id"])
            if start <= number < end
        ]


_HASHES: Final = {"hashes": 1, "hash": 1}
"""The fields read from a run if its leaves are not needed."""


def _hashes(run: Mapping[str, Any]) -> list[bytes]:
    return split(run["hashes"]) if "hashes" in run else [bytes(run["hash"])]


def run(start: int, leaves: Sequence[Sequenced]) -> dict[str, Any]:
    """Leaves as they are stored, starting with number `start`."""
    return {
        "_id": start,
        "index": start,
        "hashes": b"".join(leaf.hash for leaf in leaves),
        "leaves": [{"request_id": leaf.request_id, "index": leaf.index} for leaf in leaves],
    }


def one_by_one(run: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The leaves of a run as documents of one leaf each, even if it was tampered with."""
    if "leaves" not in run:
        yield run
        return
    pairs = zip_longest(run["leaves"], split(run.get("hashes", b"")), fillvalue=None)
    for place, (leaf, hash_) in enumerate(pairs):
        yield {**(leaf or {}), "_id": run["_id"] + place, "hash": hash_ or b""}


def _entries_of(node: Node) -> tuple[int, Range]:
    """The level and entries of a perfect subtree. The entries share a tile."""
    level, above = divmod(node.height, TILE_HEIGHT)
    return level, (node.index << above, (node.index + 1) << above)


def _id(level: int, index: int) -> int:
    return (level << _LEVEL) + index


def document(tile: Tile) -> dict[str, Any]:
    """A tile as it is stored."""
    return {
        "_id": _id(tile.level, tile.index),
        "hashes": b"".join(tile.hashes),
        "root": tile.root,
    }


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a stored tile."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
