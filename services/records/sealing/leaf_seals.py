"""Puts commitments into the places of personal values, seals the values beside the leaf, and opens them again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bmt.contracts.immutable import immutable
from bmt.verify_record import commitments as all_commitments
from services.records.ledger.canonical import NotCanonical
from services.records.ledger.leaf import Entry, Leaf, Sealed
from services.records.sealing import commitments
from services.records.sealing.commitments import Disclosures
from services.records.sealing.keys import PersonKey, PersonKeys, SealBroken


@immutable
class OpenLeaf:
    """A leaf with what is personal in it.

    Attributes:
        leaf: as it is stored.
        data: the event's data as it was said; where that was disposed of, that it was.
        disclosures: what proves the personal values; None when they were disposed of.
    """

    leaf: Leaf
    data: Mapping[str, Any]
    disclosures: Disclosures | None

    @property
    def closed(self) -> bool:
        """Whether the personal values are gone."""
        return self.disclosures is None

    @property
    def event(self) -> Mapping[str, Any]:
        """The event as it was said, as far as that is known."""
        return {**self.leaf.event, "data": self.data}


class LeafSeals:
    """Seals what becomes a leaf, and opens leaves."""

    def __init__(self, keys: PersonKeys) -> None:
        self._keys = keys

    async def sealed(self, entries: Sequence[Entry]) -> list[Entry | NotCanonical]:
        """The entries as they are hashed and stored; one that has no canonical form is told apart.

        Raises:
            StoreUnavailable: a key is not known to be stored; the same again is safe.
        """
        people = {entry.person for entry in entries if entry.person is not None}
        keys = await self._keys.of(people)
        return [_sealed(entry, keys[entry.person]) if entry.person else entry for entry in entries]

    async def opened(self, leaves: Sequence[Leaf]) -> list[OpenLeaf]:
        """The leaves with their personal values, as far as their keys are still there.

        Raises:
            StoreUnavailable: the keys cannot be read.
        """
        key_ids = {leaf.sealed.key for leaf in leaves if leaf.sealed is not None}
        keys = await self._keys.by_id(key_ids) if key_ids else {}
        return [_opened(leaf, keys) for leaf in leaves]


def _sealed(entry: Entry, key: PersonKey) -> Entry | NotCanonical:
    try:
        data, disclosures = commitments.committed(entry.event["data"])
        text = commitments.written(disclosures)
    except NotCanonical as error:
        return error
    sealed = Sealed(key.id, key.seal(text, entry.event_id))
    event = {**entry.event, "data": data}
    return Entry(entry.request_id, entry.topic, event, entry.person, sealed, entry.plain)


def _opened(leaf: Leaf, keys: Mapping[str, PersonKey]) -> OpenLeaf:
    data: Mapping[str, Any] = leaf.event.get("data") or {}
    if leaf.sealed is None:
        return OpenLeaf(leaf, data, {})
    key = keys.get(leaf.sealed.key)
    if key is None:
        return OpenLeaf(leaf, commitments.disposed_of(data), None)
    try:
        disclosures = disclosures_of(leaf.sealed, leaf.event_id, key)
        return OpenLeaf(leaf, commitments.disclosed(data, disclosures), disclosures)
    except (SealBroken, LookupError, ValueError, TypeError):
        # Somebody changed it: it is shown as it stands, and the verification says so.
        return OpenLeaf(leaf, data, {})


def disclosures_of(sealed: Sealed, event_id: str, key: PersonKey) -> Disclosures:
    """The personal values of an event.

    Raises:
        SealBroken: they were changed, or are another event's.
    """
    return commitments.read(key.open(sealed.text, event_id))


def differences(data: Any, disclosures: Disclosures) -> Iterator[str]:
    """The places whose commitment is not that of the value disclosed, or that have one of the two only."""
    due = dict(all_commitments(data))
    for place in due.keys() | disclosures.keys():
        told = disclosures.get(place)
        if told is None or told.commitment != due.get(place):
            yield place
