"""Streams as they are stored, and the states that they tell, as JSON that is kept for ever."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Deciders, decider_of
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord, Vocabulary
from bmt.contracts import topics
from bmt.contracts.envelope import rfc3339
from services.approval import domain as approval
from services.approval.domain.events import PRIVATE as APPROVAL
from services.intake import domain as intake
from services.intake.domain.events import PRIVATE as INTAKE
from services.notification import domain as notification
from services.notification.domain.events import PRIVATE as NOTIFICATION
from services.provisioning import domain as provisioning
from services.provisioning.domain.events import PRIVATE as PROVISIONING
from services.records import domain as records
from services.records.domain.events import PRIVATE as RECORDS

Json = dict[str, Any]


@dataclass(frozen=True)
class Teller:
    """A service's deciders, and the events that it stores."""

    deciders: Deciders
    said: Sequence[type[BaseModel]]
    private: Sequence[type[BaseModel]]

    @property
    def models(self) -> Mapping[str, type[BaseModel]]:
        return {model.TYPE: model for model in (*self.said, *self.private)}

    def state(self, stream: str, events: Sequence[Json]) -> Any:
        """What these stored events of a stream tell."""
        vocabulary = Vocabulary(self.models.values())
        return decider_of(self.deciders, stream).fold(
            [vocabulary.decode(e["type"], e["data"]) for e in events]
        )


TELLERS: Final = {
    "intake": Teller(intake.DECIDERS, topics.EVENTS[topics.REQUESTS], (*INTAKE, *topics.ANSWERS)),
    "approval": Teller(approval.DECIDERS, topics.EVENTS[topics.DECISIONS], APPROVAL),
    "provisioning": Teller(
        provisioning.DECIDERS, topics.EVENTS[topics.CONFIGURATIONS], PROVISIONING
    ),
    "notification": Teller(
        notification.DECIDERS, topics.EVENTS[topics.NOTIFICATIONS], NOTIFICATION
    ),
    "records": Teller(records.DECIDERS, topics.EVENTS[topics.RECORDS], RECORDS),
}


def document(commits: Sequence[Commit], state: Any) -> Json:
    """A recorded stream, with the state that it told when it was recorded."""
    return {"commits": [_commit(commit) for commit in commits], "state": as_json(state)}


def _commit(commit: Commit) -> Json:
    written = {
        "id": commit.id,
        "stream": commit.stream,
        "version": commit.version,
        "sequence": commit.sequence,
        "recorded_at": rfc3339(commit.recorded_at),
        "events": [_event(event) for event in commit.events],
    }
    return {**written, "refusal": as_json(commit.refusal)} if commit.refusal else written


def _event(event: EventRecord) -> Json:
    return {
        "id": event.id,
        "type": event.type,
        "time": rfc3339(event.time),
        "sequence": event.sequence,
        "data": event.data,
    }


def as_json(value: Any) -> Any:
    """Any state; a class of states, a dataclass or a named tuple, is told by its name."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        told = {name: as_json(each) for name, each in value._asdict().items()}
        return {"is": type(value).__name__, **told}
    for kind, said in _SAID.items():
        if isinstance(value, kind):
            return said(value)
    if is_dataclass(value):
        told = {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
        return {"is": type(value).__name__, **told}
    return value


_SAID: Final[Mapping[type[Any], Callable[[Any], Any]]] = {
    BaseModel: lambda value: value.model_dump(mode="json", by_alias=True),
    datetime: rfc3339,
    Mapping: lambda value: {name: as_json(each) for name, each in value.items()},
    frozenset: lambda value: sorted(map(as_json, value)),
    tuple: lambda value: [as_json(each) for each in value],
    list: lambda value: [as_json(each) for each in value],
}


def holds(now: Any, recorded: Any) -> bool:
    """Whether `now` says all that was recorded; fields may have been added since."""
    match recorded:
        case dict():
            return isinstance(now, dict) and all(
                name in now and holds(now[name], each) for name, each in recorded.items()
            )
        case list():
            return (
                isinstance(now, list)
                and len(now) == len(recorded)
                and all(map(holds, now, recorded))
            )
        case _:
            return bool(now == recorded)
