"""Dead letters as an operator counts them: one for each event, however many services refused it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from bmt.chassis.messaging import dead_letters
from bmt.cli import place
from bmt.cli.event import event_type
from bmt.cli.shown import request_id

State = Literal["open", "retried", "discarded"]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Origin:
    """Where a refused event stands."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Letter:
    """One record on the topic of dead letters.

    Attributes:
        place: its own, as an operator writes it.
        at: when it was buried, UTC.
        origin: None where the letter does not say so.
        type: as far as the event's envelope says.
        key: the event's, like `headers` and `value`.
        left_at_origin: the event was too large to be buried, or cannot be decoded: key and headers are missing,
            and the value is nothing, or the bytes as they came.
    """

    place: str
    at: datetime
    reason: str
    detail: str
    refused_by: str
    origin: Origin | None
    type: str | None
    key: bytes | None
    headers: Headers
    value: bytes | None
    left_at_origin: bool = False

    @property
    def id(self) -> str:
        """The place of the event; where the letter does not say it, its own."""
        if self.origin is None:
            return self.place
        return place.written(self.origin.topic, self.origin.partition, self.origin.offset)

    def emptied(self) -> "Letter":
        """The same without what may be large."""
        return replace(self, headers=(), value=None)


@dataclass(frozen=True)
class Action:
    """What an operator did about a letter.

    Attributes:
        id: the letter's.
        places: of all its records that were there then.
        reason: why, where that was asked.
        at: UTC.
    """

    id: str
    action: Literal["retried", "discarded"]
    by: str
    at: datetime
    places: tuple[str, ...]
    reason: str | None = None


@dataclass(frozen=True)
class DeadLetter:
    """An event that was refused.

    Attributes:
        id: of its letters.
        letters: of each service that refused it, in the order of their burial.
        actions: what was done, the latest last.
    """

    id: str
    letters: Sequence[Letter]
    actions: Sequence[Action] = ()

    @property
    def first(self) -> Letter:
        """All letters of an event hold the same."""
        return self.letters[0]

    @property
    def at(self) -> datetime:
        """When it was last refused."""
        return self.letters[-1].at

    @property
    def places(self) -> tuple[str, ...]:
        """Of its records."""
        return tuple(letter.place for letter in self.letters)

    @property
    def state(self) -> State:
        """A refusal that came after the last action makes it open again, unless an operator gave the event up."""
        done = self.actions[-1].places if self.actions else ()
        later = [letter for letter in self.letters if letter.place not in done]
        if not later:
            return self.actions[-1].action
        given_up = all(letter.reason == dead_letters.DISCARDED for letter in later)
        return "discarded" if given_up else "open"

    @property
    def refused_by(self) -> list[str]:
        """The services, each once."""
        return list(dict.fromkeys(letter.refused_by for letter in self.letters))

    @property
    def request_id(self) -> str | None:
        """None where its key is no request's id."""
        return request_id(self.first.key)


def letter(record: Any) -> Letter:
    """A record of aiokafka as a letter.

    A writer's own headers of these names are before those of the service, and do not count.
    """
    every = [(name, bytes(raw or b"")) for name, raw in record.headers]
    why = {name: raw.decode(errors="replace") for name, raw in every if _ours(name)}
    headers = tuple((name, raw) for name, raw in every if not _ours(name))
    return Letter(
        place=place.written(record.topic, record.partition, record.offset),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=why.get(dead_letters.REASON, "unknown"),
        detail=why.get(dead_letters.DETAIL, ""),
        refused_by=why.get(dead_letters.REFUSED_BY, "unknown"),
        origin=_origin(why),
        type=event_type(headers, record.value),
        key=record.key,
        headers=headers,
        value=record.value,
        left_at_origin=dead_letters.LEFT_AT_ORIGIN in why,
    )


def grouped(letters: Iterable[Letter], actions: Sequence[Action]) -> dict[str, DeadLetter]:
    """One for each event, by its id, the first refused first."""
    found: dict[str, list[Letter]] = {}
    for each in sorted(letters, key=lambda one: one.at):
        found.setdefault(each.id, []).append(each)
    done: dict[str, list[Action]] = {}
    for action in sorted(actions, key=lambda one: one.at):
        done.setdefault(action.id, []).append(action)
    return {id_: DeadLetter(id_, group, done.get(id_, ())) for id_, group in found.items()}


def _ours(header: str) -> bool:
    return header.startswith(dead_letters.PREFIX)


def _origin(why: Mapping[str, str]) -> Origin | None:
    try:
        return Origin(
            why[dead_letters.ORIGIN_TOPIC],
            int(why[dead_letters.ORIGIN_PARTITION]),
            int(why[dead_letters.ORIGIN_OFFSET]),
        )
    except (KeyError, ValueError):
        return None
