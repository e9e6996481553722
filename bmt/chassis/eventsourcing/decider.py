"""The decider: the pure heart of a service. And what it receives: commands and events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import orjson
from pydantic import BaseModel

from bmt.chassis.runtime import observability
from bmt.contracts.envelope import Envelope, OwnEnvelope, rfc3339
from bmt.contracts.values import immutable

C = TypeVar("C")
D = TypeVar("D")
S = TypeVar("S")
E = TypeVar("E", bound=BaseModel)
E_co = TypeVar("E_co", bound=BaseModel, covariant=True)


@immutable
class Decider(Generic[C, S]):
    """`decide(command, state) -> events`, `evolve(state, event) -> state`, and the initial state."""

    initial: S
    decide: Callable[[C, S], Sequence[BaseModel]]
    evolve: Callable[[S, BaseModel], S]

    def fold(self, events: Sequence[BaseModel], state: S | None = None) -> S:
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current


Deciders = Mapping[str, Decider[Any, Any]]
"""By stream category: the part of a stream's name before the first hyphen."""


def decider_of(deciders: Deciders, stream: str) -> Decider[Any, Any]:
    """The decider of the stream's category."""
    return deciders[stream.partition("-")[0]]


@immutable
class Message(Generic[C]):
    """A command on its way to one stream.

    Attributes:
        causation: id of the event or HTTP command that caused it. It becomes the commit's id.
        fingerprint: hash of the content. The same causation with another fingerprint is refused.
        traceparent: W3C trace context.
        begins_stream: the stream is new (so is its id), so nothing is loaded.
        comes_again: the sender redelivers it until everything that follows is durable, views included. A topic does.
    """

    stream: str
    causation: str
    fingerprint: str
    command: C
    traceparent: str | None = None
    begins_stream: bool = False
    comes_again: bool = False

    def with_command(self, command: D) -> "Message[D]":
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
    """The envelope of one of our own events. It is not checked again: what was stored was checked."""

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
    """A received event: its data, apart from its envelope.

    Attributes:
        position: its place in `origin`: the version for the service's own commits, else `ce_sequence`.
        origin: the stream that counts `position`.
        topic: where it was consumed, prefix included. Only the topic proves who published it. Empty for own events.
        unmarked: its commit is not in the outbox, so the write that applies it must survive any crash.
    """

    envelope: Envelope | OwnEnvelope | StoredEnvelope
    data: E_co
    position: int
    origin: str
    topic: str = ""
    unmarked: bool = False

    @property
    def id(self) -> str:
        return self.envelope.id

    @property
    def subject(self) -> str:
        return self.envelope.subject or ""

    @property
    def time(self) -> datetime:
        return self.envelope.time

    def to_command(self, stream: str, command: C) -> Message[C]:
        """The command that this event causes. It belongs to the event's trace, or begins one."""
        return Message(
            stream=stream,
            causation=self.id,
            fingerprint=self.id,
            command=command,
            traceparent=observability.accepted_traceparent(self.envelope.traceparent),
            comes_again=True,
        )
