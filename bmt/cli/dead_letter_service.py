"""The topic of dead letters and what operators did about them: one entry for each refused event."""

import base64
import time
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

from aiokafka import TopicPartition

from bmt.chassis.errors import BrokerUnavailable
from bmt.chassis.messaging import dead_letters
from bmt.chassis.messaging.kafka_client import Outgoing
from bmt.chassis.runtime.clock import new_id
from bmt.chassis.runtime.mongodb import Client, store_errors
from bmt.cli import shown
from bmt.cli.addresses import KafkaAddress
from bmt.cli.connections import kafka_consumer, kafka_publisher, kafka_topics
from bmt.cli.outcome import NotSo
from bmt.cli.shown import counted, event_type, harmless, moment, one_line, request_id
from bmt.contracts.envelope import rfc3339
from bmt.contracts.topics import DEAD_LETTERS

State = Literal["open", "retried", "discarded"]
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Origin:
    """Where a refused event was published."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Letter:
    """One record on the topic of dead letters.

    Attributes:
        place: of this record, `topic:partition:offset`.
        at: when it was written, UTC.
        origin: None if the letter does not name it.
        left_at_origin: the event was too large or cannot be decoded; key and headers are missing, and the value
            is empty or the raw bytes.
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
        """The event's place; the letter's own if that is unknown."""
        if self.origin is None:
            return self.place
        return shown.written(self.origin.topic, self.origin.partition, self.origin.offset)

    def emptied(self) -> "Letter":
        """The letter without headers and value, which may be large."""
        return replace(self, headers=(), value=None)


@dataclass(frozen=True)
class Action:
    """What an operator did about a letter.

    Attributes:
        places: all records of the letter at that time.
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
    """An event that was refused, with the letter of each service that refused it, in order, and the actions."""

    id: str
    letters: Sequence[Letter]
    actions: Sequence[Action] = ()

    @property
    def first(self) -> Letter:
        """All letters of an event have the same content."""
        return self.letters[0]

    @property
    def at(self) -> datetime:
        return self.letters[-1].at

    @property
    def places(self) -> tuple[str, ...]:
        return tuple(letter.place for letter in self.letters)

    @property
    def state(self) -> State:
        """A refusal after the last action opens it again, unless an operator gave the event up."""
        done = self.actions[-1].places if self.actions else ()
        later = [letter for letter in self.letters if letter.place not in done]
        if not later:
            return self.actions[-1].action
        given_up = all(letter.reason == dead_letters.DISCARDED for letter in later)
        return "discarded" if given_up else "open"

    @property
    def refused_by(self) -> list[str]:
        return list(dict.fromkeys(letter.refused_by for letter in self.letters))

    @property
    def request_id(self) -> str | None:
        """None if the key is no request's id."""
        return request_id(self.first.key)


def letter(record: Any) -> Letter:
    """Reads a record of aiokafka.

    The last header of a name counts: the service's come after those of the event's writer.
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
    """One entry for each event, by its id, first refused first."""
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


# A list shows nothing of the events' content, which may be personal; `whole` shows all.


def document(found: Sequence[DeadLetter], total: int) -> Mapping[str, Any]:
    """JSON: the first of `total` letters."""
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
    """JSON: one letter with its event; what is not UTF-8 is in base64."""
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
    """Text: the first of `total` letters, which `what` names."""
    listed = [line for each in found for line in [*_head(each), ""]]
    shown = f" (the latest {len(found)} shown)" if len(found) < total else ""
    return [*listed, f"{counted(total, what)}{shown}"]


def whole_lines(each: DeadLetter) -> list[str]:
    """Text: one letter with its event."""
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


SILENT_SECONDS: Final = 15.0
"""How long the broker may send nothing before the end is reached."""


async def letters(address: KafkaAddress) -> AsyncGenerator[Letter, None]:
    """Every letter up to the topic's present end, each partition in order.

    Raises:
        NotRunning: Kafka cannot be reached, or refuses.
        BrokerUnavailable: it fell silent.
    """
    topic = address.prefix + DEAD_LETTERS
    places = [TopicPartition(topic, each) for each in (await kafka_topics(address)).get(topic, ())]
    if not places:
        return
    async with kafka_consumer(address) as consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        incoming = time.monotonic()
        while any([await consumer.position(place) < ends[place] for place in places]):
            polled = await consumer.getmany(timeout_ms=500)
            for records in polled.values():
                for record in records:
                    yield letter(record)
            if polled:
                incoming = time.monotonic()
            elif time.monotonic() - incoming > SILENT_SECONDS:
                raise BrokerUnavailable


DATABASE: Final = "operations"
"""After the prefix of all databases."""
COLLECTION: Final = "dead_letters"


class Actions:
    """The collection of operators' actions, which only grows. Kafka keeps the letters."""

    def __init__(self, client: Client, database_prefix: str) -> None:
        self._collection = client[database_prefix + DATABASE][COLLECTION]

    async def all(self) -> list[Action]:
        with store_errors():
            found = await self._collection.find({}, {"_id": False}).to_list(None)
        return [Action(**{**each, "places": tuple(each["places"])}) for each in found]

    async def add(self, action: Action) -> None:
        """Returns when the action is durable."""
        with store_errors():
            await self._collection.insert_one(
                {"_id": new_id(), **asdict(action), "places": list(action.places)}
            )


class DeadLetterService:
    """The dead letters of one system."""

    def __init__(self, kafka: KafkaAddress, client: Client, database_prefix: str) -> None:
        """`client` must be able to write to the operators' database."""
        self._kafka = kafka
        self._actions = Actions(client, database_prefix)

    async def everything(self) -> list[DeadLetter]:
        """All letters without their content, last refused first."""
        found = (await self._read(())).values()
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)

    async def some(self, ids: Sequence[str]) -> list[DeadLetter]:
        """These letters with their content; those of a topic in the order they were published.

        Raises:
            NotSo: there is no letter of one of these ids.
        """
        wanted = dict.fromkeys(shown.read(id_) for id_ in ids)
        found = await self._read(wanted)
        for id_ in wanted:
            if id_ not in found:
                raise NotSo(f"no dead letter is called {id_}: `bmt dead-letters list` names them")
        return sorted((found[id_] for id_ in wanted), key=lambda each: shown.stored(each.id))

    async def retry(self, ids: Sequence[str], by: str, at: datetime) -> int:
        """Publish these events again to their topics, unchanged.

        Each is marked after it was published. After a crash between the two it is still open, and its consumers
        recognise a repeated event.

        Raises:
            NotSo: one does not exist or cannot be published; then none was.
        """
        found = await self.some(ids)
        topics = await kafka_topics(self._kafka)
        origins = [_published_at(each, topics) for each in found]
        async with kafka_publisher(self._kafka) as publisher:
            for each, origin in zip(found, origins, strict=True):
                event = each.first
                await publisher.publish(
                    [Outgoing(origin.topic, event.key, event.headers, event.value)]
                )
                await self._actions.add(Action(each.id, "retried", by, at, each.places))
        return len(found)

    async def discard(self, ids: Sequence[str], reason: str, by: str, at: datetime) -> int:
        """Mark these letters as settled; Kafka keeps them.

        Raises:
            NotSo: one does not exist or is not open; then none was marked.
        """
        found = await self.some(ids)
        for each in found:
            if each.state != "open":
                raise NotSo(_done(each))
        for each in found:
            await self._actions.add(Action(each.id, "discarded", by, at, each.places, reason))
        return len(found)

    async def _read(self, whole: Collection[str]) -> dict[str, DeadLetter]:
        async with aclosing(letters(self._kafka)) as all_letters:
            found = [each if each.id in whole else each.emptied() async for each in all_letters]
        return grouped(found, await self._actions.all())


def _published_at(each: DeadLetter, topics: Collection[str]) -> Origin:
    """Where to publish an event again.

    Raises:
        NotSo: it cannot be.
    """
    origin = each.first.origin
    if each.state == "retried":
        raise NotSo(f"{_done(each)}; where it was refused anew, that is a letter of its own")
    if origin is None:
        raise NotSo(f"{each.id} does not say where it came from, and cannot be published again")
    if each.first.left_at_origin:
        raise NotSo(f"{each.id} is not kept here as an event: its writer must publish it anew")
    if origin.topic not in topics:
        raise NotSo(f"{each.id} cannot be published again: topic {origin.topic} is not there")
    return origin


def _done(each: DeadLetter) -> str:
    if not each.actions:
        return f"{each.id} was discarded in the parking lot"
    last = each.actions[-1]
    return f"{each.id} was {last.action} by {last.by} at {moment(last.at)}"
