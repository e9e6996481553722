"""A leaf: one whole event at its place in the request's chain, with its personal values sealed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime.sealed_stream import SealBroken
from bmt.contracts import topics
from bmt.contracts.envelope import Envelope, OwnEnvelope, rfc3339
from bmt.contracts.events import RequestEvent
from bmt.contracts.values import immutable
from bmt.verify_record import commitments as all_commitments
from services.records.ledger.canonical import NotCanonical, leaf_hash, storable
from services.records.sealing import commitments
from services.records.sealing.commitments import Disclosures
from services.records.sealing.keys import Person, PersonKey, PersonKeys

_TOPIC_OF: Final = {model.TYPE: topic for topic in topics.PUBLIC for model in topics.EVENTS[topic]}

NOT_HASHED: Final = frozenset({"_id", "hash", "sealed"})
"""The stored fields that are not part of the hash."""


@immutable
class Entry:
    """An event that is to become a leaf.

    Attributes:
        request_id: the chain it belongs to.
        event: its CloudEvents attributes and its data.
        person: whose data it contains; None: nobody's.
        sealed: the personal values, once commitments replace them in `event`.
        plain: as defined by `canonical`.
    """

    request_id: str
    topic: str
    event: Mapping[str, Any]
    person: Person | None = None
    sealed: "Sealed | None" = None
    plain: bool = False

    @property
    def event_id(self) -> str:
        """The event's id, which is also the leaf's."""
        return str(self.event["id"])


@immutable
class Sealed:
    """The personal values of an event. They are stored beside the leaf and are not hashed.

    Attributes:
        key: the id of the person's key.
        text: the disclosures, sealed under it.
    """

    key: str
    text: bytes


@immutable
class Tail:
    """The end of a chain."""

    index: int = 0
    hash: str | None = None


@immutable
class Leaf:
    """One link of a request's chain.

    Attributes:
        content: what is hashed: `request_id`; `index`, from 1 without gaps; `previous`, the hash of
            the leaf before (None for the first); `topic`; `event`, with commitments instead of
            personal values; `recorded_at`.
        hash: of the content.
        sealed: the personal values; None: there are none.
    """

    content: Mapping[str, Any]
    hash: str
    sealed: Sealed | None = None

    @property
    def request_id(self) -> str:
        return str(self.content["request_id"])

    @property
    def index(self) -> int:
        return int(self.content["index"])

    @property
    def event(self) -> Mapping[str, Any]:
        event: Mapping[str, Any] = self.content["event"]
        return event

    @property
    def event_id(self) -> str:
        return str(self.event["id"])


def entry_of(incoming: IncomingEvent[RequestEvent]) -> Entry:
    """The entry of a consumed event.

    Raises:
        NotCanonical: its data cannot be kept.
    """
    envelope = incoming.envelope
    if not isinstance(envelope, Envelope | OwnEnvelope):
        raise TypeError("what is filed was heard, with every attribute that its envelope had")
    request = incoming.data.request
    person = Person(request.agency, request.applicant.account)
    data, plain = storable(envelope.data)
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
    """A leaf with its personal values.

    Attributes:
        data: the event's original data; if it was disposed of, with words in its place that say so.
        disclosures: the proofs of the personal values; None if they were disposed of.
    """

    leaf: Leaf
    data: Mapping[str, Any]
    disclosures: Disclosures | None

    @property
    def closed(self) -> bool:
        """Whether the personal values were disposed of."""
        return self.disclosures is None

    @property
    def event(self) -> Mapping[str, Any]:
        return {**self.leaf.event, "data": self.data}


async def sealed(entries: Sequence[Entry], people: PersonKeys) -> list[Entry | NotCanonical]:
    """The entries as they are hashed and stored. One without a canonical form becomes its error.

    Raises:
        StoreUnavailable: a key may not be stored. The call may be repeated.
    """
    keys = await people.of({entry.person for entry in entries if entry.person is not None})
    return [_sealed(entry, keys[entry.person]) if entry.person else entry for entry in entries]


async def opened(leaves: Sequence[Leaf], people: PersonKeys) -> list[OpenLeaf]:
    """The leaves with their personal values, as far as their keys still exist.

    Raises:
        StoreUnavailable: the keys cannot be read.
    """
    key_ids = {leaf.sealed.key for leaf in leaves if leaf.sealed is not None}
    keys = await people.by_id(key_ids) if key_ids else {}
    return [_opened(leaf, keys) for leaf in leaves]


def _sealed(entry: Entry, key: PersonKey) -> Entry | NotCanonical:
    try:
        data, disclosures = commitments.committed(entry.event["data"])
        text = commitments.written(disclosures)
    except NotCanonical as error:
        return error
    event = {**entry.event, "data": data}
    return replace(entry, event=event, sealed=Sealed(key.id, key.seal(text, entry.event_id)))


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
        # It was tampered with. It is shown as stored; the verification reports it.
        return OpenLeaf(leaf, data, {})


def disclosures_of(sealed: Sealed, event_id: str, key: PersonKey) -> Disclosures:
    """The personal values of an event.

    Raises:
        SealBroken: they were changed, or belong to another event.
    """
    return commitments.read(key.open(sealed.text, event_id))


def differences(data: Any, disclosures: Disclosures) -> Iterator[str]:
    """The places where commitment and disclosed value do not match, or one is missing."""
    due = dict(all_commitments(data))
    for place in due.keys() | disclosures.keys():
        disclosed = disclosures.get(place)
        if disclosed is None or disclosed.commitment != due.get(place):
            yield place
