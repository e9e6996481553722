"""The decider: the pure heart of a service, and what it hears."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel

from bmt.chassis.runtime import tracing
from bmt.contracts.envelope import Envelope, OwnEnvelope, rfc3339
from bmt.contracts.immutable import immutable

C = TypeVar("C")
D = TypeVar("D")
S = TypeVar("S")
E = TypeVar("E", bound=BaseModel)
E_co = TypeVar("E_co", bound=BaseModel, covariant=True)


@immutable
class Decider(Generic[C, S]):
    """`decide(command, state) -> events`, `evolve(state, event) -> state`, and where a stream begins."""

    initial: S
    decide: Callable[[C, S], Sequence[BaseModel]]
    evolve: Callable[[S, BaseModel], S]

    def fold(self, events: Sequence[BaseModel], state: S | None = None) -> S:
        """The state after `events`."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current


Deciders = Mapping[str, Decider[Any, Any]]
"""By the category of streams that each decides on: what stands before the first hyphen of a stream's name."""


def decider_of(deciders: Deciders, stream: str) -> Decider[Any, Any]:
    """The decider of this stream."""
    return deciders[stream.partition("-")[0]]


@immutable
class Message(Generic[C]):
    """A command on its way to one stream.

    Attributes:
        stream: the stream it decides on.
        causation: id of the event or HTTP command that led here; becomes the commit's id.
        fingerprint: hash of what was said; the same causation with another one is refused.
        command: what is wanted, for the decider.
        traceparent: W3C trace context.
        begins_stream: the stream cannot exist yet (its id is new): nothing needs to be loaded.
        comes_again: who sent it sends it again until all that it led to is durable, the views too: so does a topic.
    """

    stream: str
    causation: str
    fingerprint: str
    command: C
    traceparent: str | None = None
    begins_stream: bool = False
    comes_again: bool = False

    def with_command(self, command: D) -> "Message[D]":
        """The same message with what its command became."""
        return Message(
            self.stream,
            self.causation,
            self.fingerprint,
            command,
            self.traceparent,
            self.begins_stream,
            self.comes_again,
        )


@dataclass(slots=True)
class StoredEnvelope:
    """The attributes of an event of our own: as `Envelope`, unchecked, since what was stored was checked."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: str | None
    causationid: str
    traceparent: str | None
    text: str

    @property
    def data(self) -> dict[str, Any]:
        """The event's data, parsed anew each time."""
        parsed: dict[str, Any] = orjson.loads(self.text)
        return parsed

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        subject = self.subject.encode()
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", self.id.encode()),
            ("ce_source", self.source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", subject),
            ("ce_time", rfc3339(self.time).encode()),
            ("ce_dataschema", dataschema(self.type).encode()),
        ]
        if self.sequence is not None:
            headers.append(("ce_sequence", self.sequence.encode()))
        headers += [
            ("ce_correlationid", subject),
            ("ce_causationid", self.causationid.encode()),
            ("content-type", b"application/json"),
        ]
        if self.traceparent is not None:
            headers.append(("traceparent", self.traceparent.encode()))
        return headers


def dataschema(type_: str) -> str:
    """The schema's name: the type with its version, as a URN."""
    return f"urn:schema:{type_}"


@immutable
class IncomingEvent(Generic[E_co]):
    """An event heard, its envelope apart from its data.

    Attributes:
        envelope: the CloudEvents attributes.
        data: the event, parsed.
        position: its place in `origin`: version for the service's own commits, else `ce_sequence`.
        origin: the stream that counts `position`.
        topic: where it was heard, prefix included: the only proof of who said it; empty for the
            service's own.
        unmarked: whether it is of a commit that the outbox knows nothing of, so that no crash may undo what takes it in.
    """

    envelope: Envelope | OwnEnvelope | StoredEnvelope
    data: E_co
    position: int
    origin: str
    topic: str = ""
    unmarked: bool = False

    @property
    def id(self) -> str:
        """The event's id."""
        return self.envelope.id

    @property
    def subject(self) -> str:
        """What the event is about."""
        return self.envelope.subject or ""

    @property
    def time(self) -> datetime:
        """When it happened, as its writer said."""
        return self.envelope.time

    def to_command(self, stream: str, command: C) -> Message[C]:
        """The command that this event leads to, with this event as its causation.

        It belongs to the event's trace; where the event has none, a trace begins here.
        """
        return Message(
            stream=stream,
            causation=self.id,
            fingerprint=self.id,
            command=command,
            traceparent=tracing.accepted(self.envelope.traceparent),
            comes_again=True,
        )
