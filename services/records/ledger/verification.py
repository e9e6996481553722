"""Whether the record is what was written: pure, over leaves and folios as they are found.

What is checked may have been tampered with, so nothing is assumed to have the right shape. A chain
reveals edits, removals from its middle and reordering. The file's own commits reveal removals from
its end. The register of file numbers reveals files that were removed entirely.
"""

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.sealed_stream import SealBroken
from bmt.verify_record import DISPOSED, commitments
from services.records.ledger import leaves
from services.records.ledger.canonical import NotCanonical, leaf_hash
from services.records.ledger.leaf import NOT_HASHED, Sealed, differences, disclosures_of
from services.records.sealing.keys import PersonKey
from services.records.tree import checkpoints
from services.records.tree.checkpoints import Checkpoint, Note, NoteMalformed, Verifier
from services.records.tree.merkle import Frontier, Tile
from services.records.tree.sequencer import CHAIN
from services.records.tree.tree_store import SEQUENCE, TILES, document, one_by_one, split

Wrong = Literal[
    "index_gap",
    "duplicate",
    "previous_mismatch",
    "hash_mismatch",
    "disclosure_mismatch",
    "key_missing",
    "other_event",
    "leaf_missing",
    "commit_missing",
    "commit_changed",
    "number_gap",
    "folio_missing",
    "folio_mismatch",
    "sequence_gap",
    "sequence_mismatch",
    "backdated",
    "truncated",
    "tile_mismatch",
    "checkpoint_missing",
    "checkpoint_mismatch",
    "signature_wrong",
]
"""The kinds of fault."""

RawLeaf = Mapping[str, Any]
"""A leaf as stored, possibly tampered with."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        request_id: whose file.
        leaf: the index of the leaf, if one can be named.
        detail: a sentence without personal data.
    """

    request_id: str
    leaf: int | None
    wrong: Wrong
    detail: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """What a file's commit contains about one leaf."""

    index: int
    hash: str
    event_id: str


@dataclass(frozen=True, slots=True)
class FileAsFound:
    """What is stored of one file. The commits must be read before the leaves.

    Attributes:
        leaves: by index.
        versions: of its commits, in order.
        anchors: what its commits contain about its leaves.
        numbered: it has a file number.
    """

    request_id: str
    leaves: Sequence[RawLeaf]
    versions: Sequence[int]
    anchors: Sequence[Anchor]
    numbered: bool


def file_faults(file: FileAsFound) -> Iterator[Fault]:
    """The faults of one file.

    A leaf that no commit mentions is no fault: the ledger is always written first.
    """
    yield from chain_faults(file.request_id, file.leaves)
    if list(file.versions) != list(range(1, len(file.versions) + 1)):
        detail = "a commit of this file was removed"
        yield Fault(file.request_id, None, "commit_missing", detail)
    if file.numbered and not file.leaves:
        detail = "this file has a number, and no leaf of it is there any more"
        yield Fault(file.request_id, None, "leaf_missing", detail)
    found = {_number(leaf.get("index")): leaf for leaf in file.leaves}
    for anchor in file.anchors:
        leaf = found.get(anchor.index)
        if leaf is None:
            detail = f"leaf {anchor.index} was filed and is not there any more"
            yield Fault(file.request_id, anchor.index, "leaf_missing", detail)
        elif leaf.get("hash") != anchor.hash or _event_id(leaf) != anchor.event_id:
            detail = f"leaf {anchor.index} is not the one that was filed"
            yield Fault(file.request_id, anchor.index, "other_event", detail)


def register_faults(register: Iterable[tuple[str, int, str]]) -> Iterator[Fault]:
    """Gaps in the file numbers.

    Args:
        register: agency, number and request of each file, by agency and number.
    """
    last: dict[str, int] = {}
    for agency, number, request_id in register:
        due = last.get(agency, 0) + 1
        if number != due:
            detail = f"file {due} of {agency} is due before this one and is not in the register"
            yield Fault(request_id, None, "number_gap", detail)
        last[agency] = number


def chain_faults(request_id: str, leaves: Iterable[RawLeaf]) -> Iterator[Fault]:
    """The faults of one chain, from its leaves alone."""
    due, previous = 1, None
    event_ids: set[Any] = set()
    for leaf in leaves:
        named = _number(leaf.get("index"))
        for wrong, detail in _leaf_faults(leaf, due, previous, event_ids):
            yield Fault(request_id, named, wrong, detail)
        event_ids.add(_event_id(leaf))
        due, previous = (due if named is None else named) + 1, leaf.get("hash")


def _leaf_faults(
    leaf: RawLeaf, due: int, previous: Any, event_ids: set[Any]
) -> Iterator[tuple[Wrong, str]]:
    index, event_id = leaf.get("index"), _event_id(leaf)
    if index != due:
        yield "index_gap", f"leaf {due} is due here, and leaf {index} stands here"
    if event_id in event_ids:
        yield "duplicate", f"event {event_id} stands here a second time"
    if leaf.get("_id", event_id) != event_id:
        yield "other_event", f"leaf {index} is stored as event {leaf.get('_id')}, and is {event_id}"
    if leaf.get("previous") != previous:
        yield "previous_mismatch", f"leaf {index} does not follow the leaf before it"
    if leaf.get("hash") != _hash(leaf):
        yield "hash_mismatch", f"leaf {index} was changed after it was written"


def _hash(leaf: RawLeaf) -> str | None:
    """The hash of the current content. None: it has no canonical form."""
    try:
        return leaf_hash({name: value for name, value in leaf.items() if name not in NOT_HASHED})
    except NotCanonical:
        return None


def _number(index: Any) -> int | None:
    """The index as an integer. A shell may have stored it as a float."""
    return int(index) if isinstance(index, int | float) and index == index // 1 else None


def _event_id(leaf: RawLeaf) -> Any:
    event = leaf.get("event")
    identity = event.get("id") if isinstance(event, Mapping) else None
    return identity if isinstance(identity, str) else None


def folio_fault(request_id: str, document_id: str, chunks: Iterable[bytes] | None) -> Fault | None:
    """The fault of a folio, if any.

    Args:
        request_id: whose file.
        document_id: `sha256:<hex>`, the id under which it was filed.
        chunks: its stored bytes; None: some or all are missing.
    """
    if chunks is None:
        detail = f"document {document_id} was filed and its bytes are not there any more"
        return Fault(request_id, None, "folio_missing", detail)
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    if f"sha256:{digest.hexdigest()}" == document_id:
        return None
    detail = f"document {document_id} was changed after it was filed"
    return Fault(request_id, None, "folio_mismatch", detail)


_CHANGED: Final = "the personal data of leaf {} is not what the leaf commits to"
_KEY_GONE: Final = "the key of leaf {} is gone, and no disposal is on record after it"


def keys_named(leaves: Iterable[RawLeaf]) -> set[str]:
    """The ids of the keys that seal these leaves."""
    return {sealed.key for leaf in leaves if (sealed := _sealed(leaf)) is not None}


def sealing_faults(
    request_id: str, leaves: Sequence[RawLeaf], keys: Mapping[str, PersonKey]
) -> Iterator[Fault]:
    """The faults in the personal values of one chain. `keys` are those that still exist."""
    disposed = [_index(leaf) for leaf in leaves if _type(leaf) == DISPOSED]
    for leaf in leaves:
        index, event = _index(leaf), leaf.get("event")
        data = event.get("data") if isinstance(event, Mapping) else None
        sealed = _sealed(leaf)
        if sealed is None:
            if any(commitments(data)):
                yield Fault(request_id, index, "disclosure_mismatch", _CHANGED.format(index))
        elif sealed.key not in keys:
            if not any(index < later for later in disposed):
                yield Fault(request_id, index, "key_missing", _KEY_GONE.format(index))
        elif _differs(data, str(leaf.get("_id")), sealed, keys[sealed.key]):
            yield Fault(request_id, index, "disclosure_mismatch", _CHANGED.format(index))


def _differs(data: Any, event_id: str, sealed: Sealed, key: PersonKey) -> bool:
    try:
        return any(differences(data, disclosures_of(sealed, event_id, key)))
    except (SealBroken, ValueError, TypeError, AttributeError):
        return True


def _sealed(leaf: RawLeaf) -> Sealed | None:
    try:
        return Sealed(str(leaf["sealed"]["key"]), bytes(leaf["sealed"]["text"]))
    except (KeyError, TypeError):
        return None


def _index(leaf: RawLeaf) -> int:
    index = leaf.get("index")
    return int(index) if isinstance(index, int | float) else 0


def _type(leaf: RawLeaf) -> Any:
    event = leaf.get("event")
    return event.get("type") if isinstance(event, Mapping) else None


# Whether the stored tree is the signed one, computed again from the leaves' numbers.

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
                    for fault in self._checkpoint_faults(*signed.pop(0), edge):
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

    def _checkpoint_faults(
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
