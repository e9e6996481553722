"""Dead letters as operators see to them: what services refused, and what was done about it.

Kafka keeps the letters, MongoDB the operators' actions. A retry puts the event into the parking lot of the service that
refused it, which handles it again; if it is refused once more, the letter is open again.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from bmt.chassis.errors import BrokerUnavailable, CausationReused
from bmt.chassis.messaging import dead_letters, described, kafka_client
from bmt.chassis.messaging.operations import Order
from bmt.chassis.messaging.parking import Parked, ParkingLot, Record
from bmt.chassis.runtime.mongodb import Client, DuplicateKeyError, store_errors
from bmt.contracts.problems import Refused

log = structlog.get_logger(__name__)

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
        return described.written(self.origin.topic, self.origin.partition, self.origin.offset)

    def emptied(self) -> "Letter":
        """The letter without headers and value, which may be large."""
        return replace(self, headers=(), value=None)


@dataclass(frozen=True)
class Action:
    """What an operator did about a letter.

    Attributes:
        places: all records of the letter at that time.
        at: UTC.
        order: the id of the command, and its fingerprint; empty: from before they were kept.
    """

    id: str
    action: Literal["retried", "discarded"]
    by: str
    at: datetime
    places: tuple[str, ...]
    reason: str | None = None
    order: str = ""
    fingerprint: str = ""


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
        done = {place for action in self.actions for place in action.places}
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
        return described.request_id(self.first.key)


def letter(record: Any) -> Letter:
    """Reads a record of aiokafka.

    The last header of a name counts: the service's come after those of the event's writer.
    """
    every = [(name, bytes(raw or b"")) for name, raw in record.headers]
    why = {name: raw.decode(errors="replace") for name, raw in every if _ours(name)}
    headers = tuple((name, raw) for name, raw in every if not _ours(name))
    return Letter(
        place=described.written(record.topic, record.partition, record.offset),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=why.get(dead_letters.REASON, "unknown"),
        detail=why.get(dead_letters.DETAIL, ""),
        refused_by=why.get(dead_letters.REFUSED_BY, "unknown"),
        origin=_origin(why),
        type=described.event_type(headers, record.value),
        key=record.key,
        headers=headers,
        value=record.value,
        left_at_origin=dead_letters.LEFT_AT_ORIGIN in why,
    )


def grouped(letters: Iterable[Letter], actions: Sequence[Action]) -> dict[str, DeadLetter]:
    """One entry for each event, by its id, first refused first.

    An action is about a letter that was there: Kafka, made anew, gives its place again.
    """
    found: dict[str, list[Letter]] = {}
    for each in sorted(letters, key=lambda one: one.at):
        found.setdefault(each.id, []).append(each)
    done: dict[str, list[Action]] = {}
    for action in sorted(actions, key=lambda one: one.at):
        done.setdefault(action.id, []).append(action)
    return {
        id_: DeadLetter(id_, group, [one for one in done.get(id_, ()) if one.at >= group[0].at])
        for id_, group in found.items()
    }


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


CONNECTED_WITHIN_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 15.0
"""How long the broker may send nothing before the end is reached."""


async def letters(
    options: Mapping[str, Any], topic: str, newest: int | None = None
) -> AsyncGenerator[Letter, None]:
    """Every letter up to the topic's present end, each partition in order; or the `newest` of each.

    Raises:
        BrokerUnavailable: Kafka cannot be reached, refuses, or fell silent.
    """
    consumer = AIOKafkaConsumer(
        topic, **options, enable_auto_commit=False, isolation_level="read_committed"
    )
    try:
        async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
            await consumer.start()
        places = consumer.assignment()
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        for place in places:
            first = begins[place] if newest is None else max(begins[place], ends[place] - newest)
            consumer.seek(place, first)
        while any([await consumer.position(place) < ends[place] for place in places]):
            async with asyncio.timeout(SILENT_SECONDS):
                polled = await consumer.getmany(timeout_ms=500)
                while not polled:
                    polled = await consumer.getmany(timeout_ms=500)
            for records in polled.values():
                for record in records:
                    yield letter(record)
    except UnknownTopicOrPartitionError:
        return
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable from error
    finally:
        await kafka_client.stop(consumer)


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

    async def add(self, action: Action, number: int) -> bool:
        """Returns when the action is durable. False: another one is the letter's `number`th, so it was not added."""
        try:
            with store_errors():
                await self._collection.insert_one(
                    {
                        "_id": f"{action.id}#{number}",
                        **asdict(action),
                        "places": list(action.places),
                    }
                )
        except DuplicateKeyError:
            return False
        return True


class UnknownLetter(Refused):
    """No service refused such an event."""

    problem = "not_found"


class LetterSettled(Refused):
    """An operator was there before."""

    problem = "not_waiting"
    code = "letter_settled"


class LetterNotKept(Refused):
    """The letter lacks the event or does not say who refused it: its writer must publish it again."""

    problem = "not_waiting"
    code = "letter_not_kept"


class DeadLetterBox:
    """The dead letters of some services.

    Every method raises `Unavailable` if Kafka or MongoDB cannot be reached.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topic: str,
        actions: Actions,
        lots: Mapping[str, ParkingLot],
        *,
        newest: int | None = None,
    ) -> None:
        """`options` of a Kafka client that may read `topic`; `lots` of the services that may handle an event again.

        With `newest`, the letters of these services alone, among the newest so many of each partition.
        """
        self._options = options
        self._topic = topic
        self._actions = actions
        self._lots = lots
        self._newest = newest

    async def everything(self) -> list[DeadLetter]:
        """All letters without their content, last refused first."""
        found = (await self._read(())).values()
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)

    async def some(self, ids: Sequence[str]) -> list[DeadLetter]:
        """These letters with their content; those of a topic in the order they were published.

        Raises:
            UnknownLetter: there is no letter of one of these ids.
        """
        wanted = dict.fromkeys(described.read(id_) for id_ in ids)
        found = await self._read(wanted)
        for id_ in wanted:
            if id_ not in found:
                raise UnknownLetter(f"no dead letter is called {id_}")
        return sorted((found[id_] for id_ in wanted), key=lambda each: described.stored(each.id))

    async def retry(self, ids: Sequence[str], order: Order) -> bool:
        """Let the services that refused these events handle them again. True: this order was carried out before.

        Each is marked after it was parked. After a crash between the two it is still open, and parking it again
        changes nothing.

        Raises:
            UnknownLetter, LetterSettled, LetterNotKept: nothing was done.
            CausationReused: the order's id was used for something else.
        """
        if await self._known(order):
            return True
        found = await self.some(ids)
        records = [self._record(each) for each in found]
        for each, record in zip(found, records, strict=True):
            for service in each.refused_by:
                parked = Parked(record, each.first.reason, 0, order.at, order.at)
                await self._lots[service].park([parked])
            await self._mark(each, "retried", order)
        return False

    async def discard(self, ids: Sequence[str], order: Order) -> bool:
        """Mark these letters as settled; Kafka keeps them. Raises and returns as `retry`."""
        if await self._known(order):
            return True
        found = await self.some(ids)
        for each in found:
            if each.state != "open":
                raise LetterSettled(done(each))
        for each in found:
            await self._mark(each, "discarded", order)
        return False

    def _record(self, each: DeadLetter) -> Record:
        """The event as it was refused. It queues by itself: its request went on without it long ago."""
        if each.state == "retried":
            raise LetterSettled(done(each))
        event, origin = each.first, each.first.origin
        known = set(each.refused_by) <= set(self._lots)
        if origin is None or event.left_at_origin or not known:
            raise LetterNotKept(
                f"{each.id} is not kept here as an event: its writer must publish it anew"
            )
        return Record(
            *(origin.topic, origin.partition, origin.offset),
            key=f"dead-letter/{each.id}",
            headers=event.headers,
            value=event.value,
            raw_key=event.key,
        )

    async def _mark(
        self, each: DeadLetter, what: Literal["retried", "discarded"], order: Order
    ) -> None:
        action = Action(
            each.id,
            what,
            order.by,
            order.at,
            each.places,
            order.reason,
            order.id,
            order.fingerprint,
        )
        if not await self._actions.add(action, len(each.actions)):
            raise LetterSettled
        log.info("operation", action=what, event_place=each.id, by=order.by, dead_letter=True)

    async def _known(self, order: Order) -> bool:
        found = [one for one in await self._actions.all() if one.order == order.id]
        if any(one.fingerprint != order.fingerprint for one in found):
            raise CausationReused(order.id)
        return bool(found)

    async def _read(self, whole: Collection[str]) -> dict[str, DeadLetter]:
        async with aclosing(letters(self._options, self._topic, self._newest)) as all_letters:
            found = [
                each if each.id in whole else each.emptied()
                async for each in all_letters
                if self._newest is None or each.refused_by in self._lots
            ]
        return grouped(found, await self._actions.all())


def done(each: DeadLetter) -> str:
    """What became of a letter that is not open."""
    if not each.actions:
        return f"{each.id} was discarded in the parking lot"
    last = each.actions[-1]
    return f"{each.id} was {last.action} by {last.by} at {last.at:%Y-%m-%d %H:%M:%S} UTC"
