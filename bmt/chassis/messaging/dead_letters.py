"""Dead letters: what can never be accepted, whole, with the reason, the service and the origin; and what operators do about it.

Kafka keeps the letters, MongoDB the operators' actions. A retry puts the event into the parking lot of the service that
refused it, which handles it again; if it is refused once more, the letter is open again.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

import structlog

from bmt.chassis import crash_points
from bmt.chassis.errors import CausationReused, RecordTooLarge, Unavailable
from bmt.chassis.messaging import parking
from bmt.chassis.messaging.kafka_client import KafkaPublisher, Outgoing
from bmt.chassis.messaging.parking import DeadLetter, Order, Parked, ParkingLot, Record
from bmt.chassis.messaging.topic_reader import TopicReader
from bmt.chassis.runtime.mongodb import Client, DuplicateKeyError, store_errors
from bmt.contracts.problems import Refused

log = structlog.get_logger(__name__)

PREFIX: Final = "bmt_"
"""The prefix of a dead letter's own headers, beside those of its event."""

REASON: Final = "bmt_reason"
DETAIL: Final = "bmt_detail"
ORIGIN_TOPIC: Final = "bmt_origin_topic"
ORIGIN_PARTITION: Final = "bmt_origin_partition"
ORIGIN_OFFSET: Final = "bmt_origin_offset"
REFUSED_BY: Final = "bmt_refused_by"
LEFT_AT_ORIGIN: Final = "bmt_left_at_origin"
"""The size of a value too large for a dead letter: key, headers and value are only at the origin. Or `unread`: the
record at the origin cannot be decoded, and the value is its bytes."""


DISCARDED: Final = "discarded"
"""The reason of an event that an operator discarded. Nobody needs an alert for this letter."""

OnDead = Callable[[Sequence[tuple[Record, DeadLetter]]], Awaitable[None]]
"""Returns when the senders of these records are sure to be answered. The records may be redelivered."""


async def no_answer(_: Sequence[tuple[Record, DeadLetter]]) -> None:
    """Nobody waits for an answer."""


class DeadLetters:
    """The topic of dead letters, as one service writes to it."""

    def __init__(self, publisher: KafkaPublisher, topic: str, service: str) -> None:
        self._publisher = publisher
        self._topic = topic
        self._service = service

    async def bury(self, refused: Sequence[tuple[Record, DeadLetter]]) -> None:
        """Return when all are durable. Raises `BrokerUnavailable` if not all are known to be; bury the same again."""
        if not refused:
            return
        crash_points.reached("dead_letters.burying")
        try:
            await self._publisher.publish([self._letter(*each) for each in refused])
        except RecordTooLarge:
            for record, dead in refused:
                await self._bury_alone(record, dead)
        crash_points.reached("dead_letters.buried")
        for record, dead in refused:
            _log(record, dead)

    async def _bury_alone(self, record: Record, dead: DeadLetter) -> None:
        """A record that is too large must not block the service for ever."""
        try:
            await self._publisher.publish([self._letter(record, dead)])
        except RecordTooLarge:
            crash_points.reached("dead_letters.too_large")
            size = str(len(record.value or b"")).encode()
            await self._publisher.publish([self._left(record, dead, size)])

    def _left(self, record: Record, dead: DeadLetter, what: bytes) -> Outgoing:
        return Outgoing(self._topic, None, [*self._why(record, dead), (LEFT_AT_ORIGIN, what)], b"")

    def _letter(self, record: Record, dead: DeadLetter) -> Outgoing:
        """The record as it came. Kafka needs a key or a value: without both, the value is empty."""
        nothing = record.raw_key is None and record.value is None
        value = b"" if nothing else record.value
        headers = [*record.headers, *self._why(record, dead)]
        if record.unread:
            headers.append((LEFT_AT_ORIGIN, b"unread"))
        return Outgoing(self._topic, record.raw_key, headers, value)

    def _why(self, record: Record, dead: DeadLetter) -> list[tuple[str, bytes]]:
        why = {
            REASON: dead.reason,
            DETAIL: dead.detail,
            ORIGIN_TOPIC: record.topic,
            ORIGIN_PARTITION: str(record.partition),
            ORIGIN_OFFSET: str(record.offset),
            REFUSED_BY: self._service,
        }
        return [(name, text.encode()) for name, text in why.items()]


def _log(record: Record, dead: DeadLetter) -> None:
    log.warning("dead_letter", reason=dead.reason, detail=dead.detail, place=record.place)


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
        return parking.place_of(self.origin.topic, self.origin.partition, self.origin.offset)

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
class RefusedEvent:
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
        given_up = all(letter.reason == DISCARDED for letter in later)
        return "discarded" if given_up else "open"

    @property
    def refused_by(self) -> list[str]:
        return list(dict.fromkeys(letter.refused_by for letter in self.letters))

    @property
    def request_id(self) -> str | None:
        """None if the key is no request's id."""
        return parking.request_id(self.first.key)


def letter(record: Any) -> Letter:
    """Reads a record of aiokafka.

    The last header of a name counts: the service's come after those of the event's writer.
    """
    every = [(name, bytes(raw or b"")) for name, raw in record.headers]
    why = {name: raw.decode(errors="replace") for name, raw in every if _ours(name)}
    headers = tuple((name, raw) for name, raw in every if not _ours(name))
    return Letter(
        place=parking.place_of(record.topic, record.partition, record.offset),
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=why.get(REASON, "unknown"),
        detail=why.get(DETAIL, ""),
        refused_by=why.get(REFUSED_BY, "unknown"),
        origin=_origin(why),
        type=parking.event_type(headers, record.value),
        key=record.key,
        headers=headers,
        value=record.value,
        left_at_origin=LEFT_AT_ORIGIN in why,
    )


def grouped(letters: Iterable[Letter], actions: Sequence[Action]) -> dict[str, RefusedEvent]:
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
        id_: RefusedEvent(id_, group, [one for one in done.get(id_, ()) if one.at >= group[0].at])
        for id_, group in found.items()
    }


def _ours(header: str) -> bool:
    return header.startswith(PREFIX)


def _origin(why: Mapping[str, str]) -> Origin | None:
    try:
        return Origin(
            why[ORIGIN_TOPIC],
            int(why[ORIGIN_PARTITION]),
            int(why[ORIGIN_OFFSET]),
        )
    except (KeyError, ValueError):
        return None


WATCH_SECONDS: Final = 15.0
"""How often a service looks at its letters by itself."""


async def letters(
    options: Mapping[str, Any], topic: str, newest: int | None = None
) -> AsyncGenerator[Letter, None]:
    """Every letter up to the topic's present end, each partition in order; or the `newest` of each.

    Raises:
        BrokerUnavailable: Kafka cannot be reached, refuses, or fell silent.
    """
    reader = TopicReader(options, topic, newest)
    try:
        await reader.begin()
        async with aclosing(reader.further()) as records:
            async for record in records:
                yield letter(record)
    finally:
        await reader.close()


DATABASE: Final = "operations"
"""After the prefix of all databases."""
COLLECTION: Final = "dead_letters"


class Actions:
    """The collection of operators' actions, which only grows. Kafka keeps the letters."""

    def __init__(self, client: Client, database_prefix: str) -> None:
        self._collection = client[database_prefix + DATABASE][COLLECTION]
        self._known: Sequence[Action] = ()

    async def all(self) -> Sequence[Action]:
        """All of them; read again only if there are more than before, since none ever changes."""
        with store_errors():
            if await self._collection.estimated_document_count() != len(self._known):
                found = await self._collection.find({}, {"_id": False}).to_list(None)
                self._known = [Action(**{**one, "places": tuple(one["places"])}) for one in found]
        return self._known

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
        tell: Callable[[int, datetime | None], None] = lambda _, __: None,
    ) -> None:
        """`options` of a Kafka client that may read `topic`; `lots` of the services that may handle an event again.

        With `newest`, the letters of these services alone, among the newest so many of each partition. `tell` is
        told of each look how many are open, and since when (UTC) the oldest is.
        """
        self._options = options
        self._topic = topic
        self._actions = actions
        self._lots = lots
        self._newest = newest
        self._tell = tell
        self._reader = TopicReader(options, topic, newest)
        self._known_letters: list[Letter] = []
        self._one_by_one = asyncio.Lock()

    async def everything(self) -> list[RefusedEvent]:
        """All letters without their content, last refused first. Called again, it reads what came since."""
        async with self._one_by_one:
            if await self._reader.begin():
                self._known_letters = []
            async with aclosing(self._reader.further()) as records:
                further = [letter(record) async for record in records]
            ours = [one.emptied() for one in further if self._is_ours(one)]
            found = self._known_letters = [*self._known_letters, *ours]
        events = grouped(found, await self._actions.all()).values()
        times = [one.at for one in events if one.state == "open"]
        self._tell(len(times), min(times, default=None))
        return sorted(events, key=lambda each: (each.at, each.id), reverse=True)

    async def watch(self) -> None:
        """Look for ever, so that it is told how many letters are open."""
        while True:
            with suppress(Unavailable):
                await self.everything()
            await asyncio.sleep(WATCH_SECONDS)

    async def aclose(self) -> None:
        await self._reader.close()

    async def some(self, ids: Sequence[str]) -> list[RefusedEvent]:
        """These letters with their content; those of a topic in the order they were published.

        Raises:
            UnknownLetter: there is no letter of one of these ids.
        """
        wanted = dict.fromkeys(parking.read_place(id_) for id_ in ids)
        return _chosen(wanted, await self._read(wanted))

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
        wanted = dict.fromkeys(parking.read_place(id_) for id_ in ids)
        found = _chosen(wanted, {each.id: each for each in await self.everything()})
        for each in found:
            if each.state != "open":
                raise LetterSettled(done(each))
        for each in found:
            await self._mark(each, "discarded", order)
        return False

    def _record(self, each: RefusedEvent) -> Record:
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
        self, each: RefusedEvent, what: Literal["retried", "discarded"], order: Order
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

    async def _read(self, whole: Collection[str]) -> dict[str, RefusedEvent]:
        async with aclosing(letters(self._options, self._topic, self._newest)) as all_letters:
            found = [
                each if each.id in whole else each.emptied()
                async for each in all_letters
                if self._is_ours(each)
            ]
        return grouped(found, await self._actions.all())

    def _is_ours(self, each: Letter) -> bool:
        return self._newest is None or each.refused_by in self._lots


def _chosen(ids: Iterable[str], found: Mapping[str, RefusedEvent]) -> list[RefusedEvent]:
    """These letters; those of a topic in the order they were published. Raises `UnknownLetter`."""
    for id_ in ids:
        if id_ not in found:
            raise UnknownLetter(f"no dead letter is called {id_}")
    return sorted((found[id_] for id_ in ids), key=lambda each: parking.stored_place(each.id))


def done(each: RefusedEvent) -> str:
    """What became of a letter that is not open."""
    if not each.actions:
        return f"{each.id} was discarded in the parking lot"
    last = each.actions[-1]
    return f"{each.id} was {last.action} by {last.by} at {last.at:%Y-%m-%d %H:%M:%S} UTC"
