"""Whether the stored tree is the signed one, computed again from the leaves' numbers."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import mongodb
from services.records.ledger import leaves
from services.records.ledger.verification import Fault
from services.records.tree import checkpoints
from services.records.tree.checkpoints import Checkpoint, Note, NoteMalformed, Verifier
from services.records.tree.merkle import Frontier, Tile
from services.records.tree.sequencer import CHAIN
from services.records.tree.tree_store import SEQUENCE, TILES, document, one_by_one, split

AT_A_TIME: Final = 1_000
LATE: Final = timedelta(minutes=10)
"""A leaf gets its number within seconds. One recorded this early was inserted later."""

_Leaves = dict[tuple[str, Any], Mapping[str, Any]]
"""Leaves as stored, by chain and index."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """What the verifying person provides.

    Attributes:
        verifiers: the ledger's public keys. Without any, signatures are not verified.
        outside: a checkpoint that was kept elsewhere, as a signed note.
    """

    verifiers: Sequence[Verifier] = ()
    outside: str | None = None


class LiveTree:
    """The tree of one records database. No stored value is trusted."""

    def __init__(self, database: mongodb.Database, trusted: Trusted) -> None:
        """The user needs find."""
        self._sequence = database[SEQUENCE]
        self._leaves = database[leaves.COLLECTION]
        self._tiles = database[TILES]
        self._checkpoints = database[checkpoints.COLLECTION]
        self._trusted = trusted
        self.checked = 0

    async def faults(self) -> AsyncIterator[Fault]:
        """The faults, in the order of the leaves' numbers. `checked` counts checkpoints.

        Raises:
            StoreUnavailable: it cannot be read.
            WrongConfiguration: the outside checkpoint is not one, or not of this ledger.
        """
        # A checkpoint of no leaves, which a sequencer may sign first, has nothing to compare.
        signed = [one for one in await self._signed() if one[1].size]
        edge = Frontier()
        before: Checkpoint | None = None
        async for some in self._numbered():
            stored = await self._stored({leaf.get("request_id") for leaf in some})
            for leaf in some:
                for fault in _differences(leaf, edge.size, stored, before):
                    yield fault
                async for fault in self._grown(edge, leaf):
                    yield fault
                while signed and signed[0][1].size == edge.size:
                    before = signed[0][1]
                    for fault in self._said(*signed.pop(0), edge):
                        yield fault
        for number, checkpoint, _ in signed:
            detail = (
                f"checkpoint {number} is of {checkpoint.size} leaves, and {edge.size} have a number"
            )
            yield Fault(CHAIN, None, "truncated", detail)
        async for fault in self._checkpoint_gaps():
            yield fault

    async def _signed(self) -> list[tuple[str, Checkpoint, Note]]:
        """Every checkpoint, and the one from outside, by size."""
        found = []
        with mongodb.store_errors():
            async for stored in self._checkpoints.find().sort("_id", 1):
                self.checked += 1
                if (read := _read(stored.get("note"))) is not None:
                    found.append((str(stored["_id"]), *read))
        if self._trusted.outside is not None:
            outside = _read(self._trusted.outside)
            if outside is None:
                raise WrongConfiguration("the checkpoint given is no signed checkpoint")
            found.append(("from outside", *outside))
        return sorted(found, key=lambda one: one[1].size)

    async def _checkpoint_gaps(self) -> AsyncIterator[Fault]:
        due, size, at = 1, 0, ""
        with mongodb.store_errors():
            async for stored in self._checkpoints.find().sort("_id", 1):
                read = _read(stored.get("note"))
                if read is None or stored["_id"] != due:
                    detail = f"checkpoint {due} is not there, or no checkpoint any more"
                    yield Fault(CHAIN, None, "checkpoint_missing", detail)
                elif read[0].size < size or read[0].at < at:
                    detail = f"checkpoint {due} is smaller or older than the one before it"
                    yield Fault(CHAIN, None, "checkpoint_mismatch", detail)
                if read is not None:
                    size, at = read[0].size, read[0].at
                due = stored["_id"] + 1 if isinstance(stored["_id"], int) else due + 1

    async def _numbered(self) -> AsyncIterator[list[Mapping[str, Any]]]:
        some: list[Mapping[str, Any]] = []
        with mongodb.store_errors():
            async for run in self._sequence.find().sort("_id", 1):
                some += one_by_one(run)
                if len(some) >= AT_A_TIME:
                    yield some
                    some = []
        if some:
            yield some

    async def _stored(self, chains: set[Any]) -> _Leaves:
        shown = {"request_id": 1, "index": 1, "hash": 1, "recorded_at": 1}
        found = self._leaves.find({"request_id": {"$in": list(chains)}}, shown)
        with mongodb.store_errors():
            return {(leaf["request_id"], leaf["index"]): leaf for leaf in await found.to_list(None)}

    async def _grown(self, edge: Frontier, leaf: Mapping[str, Any]) -> AsyncIterator[Fault]:
        for tile in edge.append([bytes(leaf.get("hash", b""))]):
            if not await self._is_stored(tile):
                detail = f"tile {tile.index} of level {tile.level} is not what its leaves make it"
                yield Fault(CHAIN, None, "tile_mismatch", detail)

    async def _is_stored(self, tile: Tile) -> bool:
        due = document(tile)
        with mongodb.store_errors():
            found = await self._tiles.find_one({"_id": due["_id"]})
        return found is not None and split(found["hashes"]) == list(tile.hashes)

    def _said(
        self, number: str, checkpoint: Checkpoint, note: Note, edge: Frontier
    ) -> Iterator[Fault]:
        if checkpoint.root != edge.root():
            detail = f"the first {checkpoint.size} leaves are not those of checkpoint {number}"
            yield Fault(CHAIN, None, "checkpoint_mismatch", detail)
        if self._trusted.verifiers and not note.signed_by(self._trusted.verifiers):
            detail = f"checkpoint {number} is not signed by a key that is trusted"
            yield Fault(CHAIN, None, "signature_wrong", detail)


def _differences(
    leaf: Mapping[str, Any], place: int, stored: _Leaves, before: Checkpoint | None
) -> Iterator[Fault]:
    """Gaps in the numbers, and numbers of other leaves than the ledger has."""
    chain, index = str(leaf.get("request_id")), leaf.get("index")
    if leaf["_id"] != place:
        detail = f"number {place} is due here, and {leaf['_id']} stands here"
        yield Fault(chain, index, "sequence_gap", detail)
    found = stored.get((chain, index))
    if found is None or found.get("hash") != bytes(leaf.get("hash", b"")).hex():
        detail = f"number {place} was given to another leaf than the one that stands there"
        yield Fault(chain, index, "sequence_mismatch", detail)
    elif before is not None and _earlier(found.get("recorded_at"), before.at):
        detail = f"leaf {index} says it is older than the checkpoint before it"
        yield Fault(chain, index, "backdated", detail)


def _read(note: Any) -> tuple[Checkpoint, Note] | None:
    try:
        parsed = Note.parse(note)
        return Checkpoint.parse(parsed.text), parsed
    except (NoteMalformed, AttributeError):
        return None


def _earlier(recorded_at: Any, signed_at: str) -> bool:
    """Whether a leaf claims to be much older than a checkpoint that does not include it."""
    try:
        return datetime.fromisoformat(signed_at) - datetime.fromisoformat(recorded_at) > LATE
    except (ValueError, TypeError):
        return False
