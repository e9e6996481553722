"""A leaf: one event, whole, at its place in the request's chain."""

from collections.abc import Mapping
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.contracts import topics
from bmt.contracts.envelope import Envelope, OwnEnvelope, rfc3339
from bmt.contracts.events import RequestEvent
from bmt.contracts.immutable import immutable
from services.records.ledger.canonical import leaf_hash, looked_through
from services.records.sealing.keys import Person

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
