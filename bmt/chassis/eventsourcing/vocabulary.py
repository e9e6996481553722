"""The events that a service knows: type strings to models, and back."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from bmt.chassis.eventsourcing.decider import IncomingEvent, StoredEnvelope
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.contracts.envelope import MalformedEvent
from bmt.contracts.field_errors import faults_in_body
from bmt.contracts.problems import listed

Upcaster = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]
"""One step from an old version's data to the next version's type and data."""


class UnknownType(MalformedEvent):
    """No model is known for this event type or version."""


class Vocabulary:
    """Decodes by type string, upcasting old versions step by step; never by class path."""

    def __init__(
        self,
        models: Iterable[type[BaseModel]],
        upcasters: Mapping[str, Upcaster] | None = None,
    ) -> None:
        self._models = {type_of(model): model for model in models}
        self._upcasters = dict(upcasters or {})

    def knows(self, type_: str) -> bool:
        """Whether this type, or an older version of one, can be decoded."""
        return type_ in self._models or type_ in self._upcasters

    def decode(self, type_: str, data: dict[str, Any]) -> BaseModel:
        """The event. Raises `UnknownType` or, if the data does not fit the type, `MalformedEvent`."""
        while (upcast := self._upcasters.get(type_)) is not None:
            type_, data = upcast(data)
        model = self._models.get(type_)
        if model is None:
            raise UnknownType(f"type {type_} is not known here")
        try:
            return model.model_validate(data)
        except ValidationError as error:
            wrong = faults_in_body(error, data)
            raise MalformedEvent(listed(wrong), wrong) from None

    def decode_text(self, type_: str, text: str) -> BaseModel:
        """As `decode`, of a stored event: in one step if its type is current."""
        model = self._models.get(type_)
        if model is not None and type_ not in self._upcasters:
            try:
                return model.model_validate_json(text)
            except ValidationError:
                pass  # `decode` says what is wrong
        return self.decode(type_, orjson.loads(text))

    def events(self, commits: Iterable[Commit]) -> list[BaseModel]:
        return [
            self.decode_text(event.type, event.text)
            for commit in commits
            for event in commit.events
        ]

    def incoming(self, commits: Iterable[Commit], source: str) -> list[IncomingEvent[BaseModel]]:
        """The events of `commits` as the service's own views receive them."""
        return [
            IncomingEvent(
                envelope=envelope_of(commit, event, source),
                data=event.decoded or self.decode_text(event.type, event.text),
                position=commit.version,
                origin=commit.stream,
                unmarked=not commit.outbox,
            )
            for commit in commits
            for event in commit.events
        ]


def type_of(model: type[BaseModel] | BaseModel) -> str:
    """The type string of an event model."""
    name: str = model.TYPE  # type: ignore[union-attr]
    return name


def envelope_of(commit: Commit, event: EventRecord, source: str) -> StoredEnvelope:
    """The envelope of a stored event."""
    return StoredEnvelope(
        event.id,
        source,
        event.type,
        commit.subject,
        event.time,
        str(event.sequence) if event.sequence else None,
        commit.id,
        commit.traceparent,
        event.text,
    )
