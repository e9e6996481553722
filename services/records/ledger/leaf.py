"""A leaf: one event, whole, at its place in the request's chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bmt.chassis.decider import Heard
from bmt.contracts import topics
from bmt.contracts.envelope import Envelope, rfc3339
from bmt.contracts.events import RequestEvent
from services.records.ledger.canonical import canonical, kept, leaf_hash

_TOPIC_OF: Final = {model.TYPE: topic for topic in topics.PUBLIC for model in topics.EVENTS[topic]}


@dataclass(frozen=True, slots=True)
class Entry:
    """An event that is to become a leaf.

    Attributes:
        request_id: the chain it belongs to.
        topic: where it was said.
        event: its CloudEvents attributes and its data, as the ledger keeps them.
    """

    request_id: str
    topic: str
    event: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        """The event's id, which is the leaf's."""
        return str(self.event["id"])


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a chain ends."""

    index: int = 0
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """One link of a request's chain.

    Attributes:
        request_id: the chain.
        index: 1, 2, … without gaps within the chain.
        previous: hash of the leaf before; None for the first.
        topic: where the event was said.
        event: the whole event.
        recorded_at: when it was written here, RFC 3339 in UTC.
        hash: of all the above.
    """

    request_id: str
    index: int
    previous: str | None
    topic: str
    event: Mapping[str, Any]
    recorded_at: str
    hash: str

    @property
    def event_id(self) -> str:
        """The event's id."""
        return str(self.event["id"])


def entry_of(heard: Heard[RequestEvent]) -> Entry:
    """The entry of an event heard.

    Raises:
        NotCanonical: its data cannot be kept and hashed.
    """
    envelope = heard.envelope
    entry = Entry(heard.data.request.request_id, _TOPIC_OF[envelope.type], _whole(envelope))
    canonical(entry.event)  # refused here, so that it cannot stop the leaves written beside it
    return entry


def _whole(envelope: Envelope) -> dict[str, Any]:
    attributes = envelope.model_dump(exclude={"data"}, exclude_none=True)
    whole: dict[str, Any] = kept(
        {**attributes, "time": rfc3339(envelope.time), "data": envelope.data}
    )
    return whole


def seal(entry: Entry, tail: Tail, recorded_at: str) -> Leaf:
    """The leaf of `entry` after `tail`."""
    index = tail.index + 1
    content = {
        "request_id": entry.request_id,
        "index": index,
        "previous": tail.hash,
        "topic": entry.topic,
        "event": entry.event,
        "recorded_at": recorded_at,
    }
    return Leaf(
        request_id=entry.request_id,
        index=index,
        previous=tail.hash,
        topic=entry.topic,
        event=entry.event,
        recorded_at=recorded_at,
        hash=leaf_hash(content),
    )
