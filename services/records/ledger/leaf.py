"""A leaf: one event, whole, at its place in the request's chain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.contracts import topics
from bmt.contracts.envelope import Envelope, OwnEnvelope, rfc3339
from bmt.contracts.events import RequestEvent
from bmt.contracts.immutable import immutable
from bmt.verify_record import commitments as all_commitments
from services.records.ledger.canonical import NotCanonical, leaf_hash, looked_through
from services.records.sealing import commitments
from services.records.sealing.commitments import Disclosures
from services.records.sealing.keys import Person, PersonKey, PersonKeys, SealBroken

_TOPIC_OF: Final = {model.TYPE: topic for topic in topics.PUBLIC for model in topics.EVENTS[topic]}

NOT_HASHED: Final = frozenset({"_id", "hash", "sealed"})
"""What is stored of a leaf beside its content."""


@immutable
class Entry:
    """An event that is to become a leaf.

    Attributes:
        request_id: the chain it belongs to.
        topic: where it was said.
        event: its CloudEvents attributes and its data, as the ledger keeps them.
        person: whose data it holds; None where it holds nobody's.
        sealed: the personal values, once commitments stand in their places.
        plain: whether the event is known to be plain, as `canonical` has it.
    """

    request_id: str
    topic: str
    event: Mapping[str, Any]
    person: Person | None = None
    sealed: "Sealed | None" = None
    plain: bool = False

    @property
    def event_id(self) -> str:
        """The event's id, which is the leaf's."""
        return str(self.event["id"])


@immutable
class Sealed:
    """The personal values of an event, which lie beside the leaf and are not hashed.

    Attributes:
        key: the id of the person's key.
        text: their disclosures, sealed under it.
    """

    key: str
    text: bytes


@immutable
class Tail:
    """Where a chain ends."""

    index: int = 0
    hash: str | None = None


@immutable
class Leaf:
    """One link of a request's chain.

    Attributes:
        content: what the hash is of: `request_id`; `index`, from 1 without gaps; `previous`, the hash
            of the leaf before (None for the first); `topic`; `event`, whole, but for commitments in the
            places of personal values; `recorded_at`.
        hash: of the content.
        sealed: the personal values; None where there are none.
    """

    content: Mapping[str, Any]
    hash: str
    sealed: Sealed | None = None

    @property
    def request_id(self) -> str:
        """The chain it belongs to."""
        return str(self.content["request_id"])

    @property
    def index(self) -> int:
        """Its place in the chain."""
        return int(self.content["index"])

    @property
    def event(self) -> Mapping[str, Any]:
        """The event as it was hashed."""
        event: Mapping[str, Any] = self.content["event"]
        return event

    @property
    def event_id(self) -> str:
        """The event's id."""
        return str(self.event["id"])


def entry_of(incoming: IncomingEvent[RequestEvent]) -> Entry:
    """The entry of an event heard.

    Raises:
        NotCanonical: its data cannot be kept.
    """
    envelope = incoming.envelope
    if not isinstance(envelope, Envelope | OwnEnvelope):
        raise TypeError("what is filed was heard, with every attribute that its envelope had")
    request = incoming.data.request
    person = Person(request.agency, request.applicant.account)
    data, plain = looked_through(envelope.data)
    attributes = {name: value for name, value in vars(envelope).items() if value is not None}
    whole = {**attributes, "time": rfc3339(envelope.time), "data": data}
    return Entry(request.request_id, _TOPIC_OF[envelope.type], whole, person, plain=plain)


def chained(entry: Entry, tail: Tail, recorded_at: str) -> Leaf:
    """The leaf of `entry` after `tail`.

    Raises:
        NotCanonical: the event cannot be hashed.
    """
    content = {
        "request_id": entry.request_id,
        "index": tail.index + 1,
        "previous": tail.hash,
        "topic": entry.topic,
        "event": entry.event,
        "recorded_at": recorded_at,
    }
    return Leaf(content, leaf_hash(content, plain=entry.plain), entry.sealed)


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
