"""Dead letters as an operator counts them: one for each event, however many services refused it."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from bmt.chassis.messaging import dead_letters
from bmt.cli import shown
from bmt.cli.shown import counted, event_type, harmless, moment, one_line, request_id
from bmt.contracts.envelope import rfc3339

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
        return shown.written(self.origin.topic, self.origin.partition, self.origin.offset)

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
        place=shown.written(record.topic, record.partition, record.offset),
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


# What is told of dead letters: in a list nothing of what they hold, and of one everything.


def document(found: Sequence[DeadLetter], total: int) -> Mapping[str, Any]:
    """For machines: the first of `total` letters."""
    return {"items": [_item(each) for each in found], "total": total}


def _item(each: DeadLetter) -> Mapping[str, Any]:
    return {
        "id": each.id,
        "state": each.state,
        "type": each.first.type,
        "request_id": each.request_id,
        "refused_by": each.refused_by,
        "at": rfc3339(each.at),
        "reason": each.first.reason,
        "detail": each.first.detail,
        "letters": [_letter(letter) for letter in each.letters],
        "actions": [_action(action) for action in each.actions],
    }


def _letter(letter: Letter) -> Mapping[str, Any]:
    return {
        "place": letter.place,
        "at": rfc3339(letter.at),
        "refused_by": letter.refused_by,
        "reason": letter.reason,
        "detail": letter.detail,
    }


def _action(action: Action) -> Mapping[str, Any]:
    return {
        "action": action.action,
        "by": action.by,
        "at": rfc3339(action.at),
        "reason": action.reason,
    }


def whole(each: DeadLetter) -> Mapping[str, Any]:
    """One letter with the event as it came, for machines; what is not UTF-8 is in base64."""
    event = each.first
    return {
        **_item(each),
        "left_at_origin": event.left_at_origin,
        "key": _bytes(event.key),
        "headers": [{"name": name, **_bytes(raw)} for name, raw in event.headers],
        "value": _bytes(event.value),
    }


def _bytes(raw: bytes | None) -> dict[str, str | None]:
    try:
        return {"text": None if raw is None else raw.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw or b"").decode()}


def lines(found: Sequence[DeadLetter], total: int, what: str) -> list[str]:
    """For people: the first of `total` letters; `what` names them all."""
    listed = [line for each in found for line in [*_head(each), ""]]
    shown = f" (the latest {len(found)} shown)" if len(found) < total else ""
    return [*listed, f"{counted(total, what)}{shown}"]


def whole_lines(each: DeadLetter) -> list[str]:
    """One letter with the event as it came, for people."""
    event = each.first
    if event.left_at_origin and not event.value:
        return [*_head(each), "not kept here: see its origin"]
    if event.left_at_origin:
        return [*_head(each), "cannot be decoded; its bytes as they came:", _text(event.value)]
    return [
        *_head(each),
        f"key: {_text(event.key)}",
        *(f"{one_line(name)}: {one_line(_text(raw))}" for name, raw in event.headers),
        "",
        _text(event.value),
    ]


def _head(each: DeadLetter) -> Iterable[str]:
    yield f"{one_line(each.id)}  {each.state}"
    yield f"    {one_line(each.first.type or 'of unknown type')}"
    for letter in each.letters:
        why = one_line(f"{letter.reason}: {letter.detail}")
        yield f"    refused by {one_line(letter.refused_by)} at {moment(letter.at)}: {why}"
    for action in each.actions:
        why = f": {one_line(action.reason)}" if action.reason else ""
        yield f"    {action.action} by {one_line(action.by)} at {moment(action.at)}{why}"


def _text(raw: bytes | None) -> str:
    if raw is None:
        return "(none)"
    try:
        return harmless(raw.decode())
    except UnicodeDecodeError:
        return f"(base64) {base64.b64encode(raw).decode()}"
