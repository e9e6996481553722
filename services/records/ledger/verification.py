"""Whether the record is what was written: pure, over leaves and folios as they are found.

What is checked may have been tampered with, so nothing is assumed to have the right shape. A chain
reveals edits, removals from its middle and reordering. The file's own commits reveal removals from
its end. The register of file numbers reveals files that were removed entirely.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from bmt.chassis.runtime.sealed_stream import SealBroken
from bmt.verify_record import DISPOSED, commitments
from services.records.ledger.canonical import NotCanonical, leaf_hash
from services.records.ledger.leaf import NOT_HASHED, Sealed, differences, disclosures_of
from services.records.sealing.keys import PersonKey

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
