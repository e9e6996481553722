"""What becomes of an event heard: applied, duplicate, retried, parked or dead; never nothing.

A batch is handled in waves: the first event of every key together (one query loads their streams, one
write appends their commits), then the second events, and so on.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar, cast

import structlog
from aiokafka import TopicPartition
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.clock import Clock
from bmt.chassis.dead_letters import DeadLetters
from bmt.chassis.decider import Heard, Message
from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.execution import Executed, Execution
from bmt.chassis.parking import QUEUED_BEHIND, Parked, ParkingLot, Record, after_failure
from bmt.chassis.publisher import Publisher
from bmt.chassis.subscriptions import DeadLetter, Handler
from bmt.chassis.views import Projection
from bmt.chassis.vocabulary import UnknownType, Vocabulary
from bmt.contracts.envelope import MalformedEvent, read_kafka
from bmt.contracts.problems import Refused

log = structlog.get_logger(__name__)

M = TypeVar("M")


class Outcome(StrEnum):
    """What became of one event. consumed = applied + duplicate + parked + dead, always."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    RETRIED = "retried"
    PARKED = "parked"
    DEAD = "dead"


Count = Callable[[str, Outcome], None]
"""Counts one event of a type with its outcome."""

_UNREADABLE: Final = "unreadable"


@dataclass(slots=True)
class _Handling:
    """One record on its way; exactly one of the last three is set in the end."""

    record: Record
    heard: Heard[BaseModel] | None = None
    outcome: Outcome | None = None
    dead: DeadLetter | None = None
    failure: Exception | None = None

    @property
    def type(self) -> str:
        return self.heard.envelope.type if self.heard else _UNREADABLE

    @property
    def open(self) -> bool:
        return self.dead is None and self.failure is None

    @property
    def end(self) -> Outcome:
        if self.failure is not None:
            return Outcome.PARKED
        return Outcome.DEAD if self.dead else self.outcome or Outcome.APPLIED


class Dispatcher:
    """Handles records from Kafka by one service's tables."""

    def __init__(
        self,
        *,
        vocabulary: Vocabulary,
        handlers: Mapping[type[BaseModel], Handler],
        execution: Execution[Any, Any],
        projections: Sequence[Projection],
        lot: ParkingLot,
        publisher: Publisher,
        dead_letters: str,
        service: str,
        count: Count,
        clock: Clock,
        only: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`dead_letters` is a topic; `projections` are the views of other services' events.

        `only` names, for a topic whose writer is not one of us, the types that may be said there.
        """
        self._vocabulary = vocabulary
        self._handlers = handlers
        self._execution = execution
        self._projections = projections
        self._lot = lot
        self._dead_letters = DeadLetters(publisher, dead_letters, service)
        self._count = count
        self._clock = clock
        self._only = dict(only or {})

    async def handle(self, records: Sequence[Record]) -> None:
        """Return when each record's outcome is durable: its offset may be committed.

        Raises:
            Unavailable: a part is away; handle the same records again.
        """
        for wave in waves([self._apart(record) for record in records]):
            waiting = await self._lot.waiting_keys({record.key for record in wave})
            behind = [self._read(record) for record in wave if record.key in waiting]
            now = self._clock()
            await self._lot.park([Parked(one.record, QUEUED_BEHIND, 0, now, now) for one in behind])
            handled = await self._handle([record for record in wave if record.key not in waiting])
            failed = [one for one in handled if one.failure is not None]
            await self._lot.park(
                [
                    after_failure(Parked(one.record, "", 0, now, now), _say(one.failure), now)
                    for one in failed
                ]
            )
            # Last: where a part went away on the way here, the wave comes again.
            for one in behind:
                self._count(one.type, Outcome.PARKED)
            for one in handled:
                self._count(one.type, one.end)
            crash_points.reached("dispatch.wave_ended")

    async def refuse_unread(self, place: TopicPartition, offset: int) -> None:
        """Return when it is durable that there is a record that nobody here can read.

        Raises:
            Unavailable: a part is away; refuse it again.
        """
        unread = Record(place.topic, place.partition, offset, "", (), None)
        dead = DeadLetter("malformed", "the record, or one before it in its batch, cannot be read")
        await self._dead_letters.leave(unread, dead)
        self._count(_UNREADABLE, Outcome.DEAD)

    def _apart(self, record: Record) -> Record:
        """An outsider chooses its keys: they must not queue with those of our own events."""
        if record.topic not in self._only:
            return record
        return replace(record, key=f"{record.topic}/{record.key}")

    async def retry_one(self) -> bool:
        """Try one parked event that is due. False: none is."""
        parked = await self._lot.take_due(self._clock())
        if parked is None:
            return False
        crash_points.reached("dispatch.taken_up")
        handled = (await self._handle([parked.record]))[0]
        crash_points.reached("dispatch.tried_again")
        if handled.failure is None:
            await self._lot.release(parked.id)
            self._count(handled.type, handled.end)
            crash_points.reached("dispatch.released")
        else:
            self._count(handled.type, Outcome.RETRIED)
            await self._lot.keep(after_failure(parked, _say(handled.failure), self._clock()))
            crash_points.reached("dispatch.kept")
        return True

    async def _handle(self, records: Sequence[Record]) -> list[_Handling]:
        handling = [self._read(record) for record in records]
        messages = await _all(self._message(one) for one in handling)
        commands = [
            (one, message) for one, message in zip(handling, messages, strict=True) if message
        ]
        results = await self._execution.execute_many([message for _, message in commands])
        for (one, _), result in zip(commands, results, strict=True):
            _note(one, result)
        crash_points.reached("dispatch.executed")
        await self._project([one for one in handling if one.open])
        crash_points.reached("dispatch.projected")
        await self._dead_letters.bury([(one.record, one.dead) for one in handling if one.dead])
        return handling

    def _read(self, record: Record) -> _Handling:
        one = _Handling(record)
        try:
            envelope = read_kafka(record.headers, record.value)
            self._require_right_topic(record.topic, envelope.type)
            data = self._vocabulary.decode(envelope.type, envelope.data)
        except UnknownType as error:
            one.dead = DeadLetter("unknown_type", error.detail)
        except MalformedEvent as error:
            one.dead = DeadLetter("malformed", error.detail)
        else:
            origin = f"{envelope.source}/{envelope.subject or ''}"
            position = int(envelope.sequence or 0)
            one.heard = Heard(envelope, data, position, origin, record.topic)
        return one

    def _require_right_topic(self, topic: str, type_: str) -> None:
        """Raises `UnknownType` where a topic says what is not its writer's to say."""
        if type_ not in self._only.get(topic, (type_,)):
            raise UnknownType(f"type {type_} is not for this topic")

    async def _message(self, one: _Handling) -> Message[Any] | None:
        if one.heard is None or (handler := self._handlers.get(type(one.heard.data))) is None:
            return None
        try:
            return await handler(one.heard)
        except DeadLetter as error:
            one.dead = error
        except Refused as refused:
            one.dead = DeadLetter(refused.problem, refused.detail)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  it is parked with its reason
            one.failure = error
        return None

    async def _project(self, handling: Sequence[_Handling]) -> None:
        """All at once; where that fails, one by one, so that a bad event stands alone."""
        if not handling or not self._projections:
            return
        try:
            for projection in self._projections:
                await projection.apply([one.heard for one in handling if one.heard])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  it is parked with its reason
            if len(handling) == 1:
                handling[0].failure = error
                return
            for one in handling:
                await self._project([one])


async def _all(handlers: Iterable[Coroutine[Any, Any, M]]) -> list[M]:
    """What each answers. Where one cannot, the others end first: none runs on beside its next try."""
    answers = await asyncio.gather(*handlers, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return cast("list[M]", answers)


def waves(records: Sequence[Record]) -> list[list[Record]]:
    """The first record of every key, then the second of every key, and so on."""
    found: list[list[Record]] = []
    seen: dict[str, int] = {}
    for record in records:
        number = seen[record.key] = seen.get(record.key, -1) + 1
        if number == len(found):
            found.append([])
        found[number].append(record)
    return found


def _note(one: _Handling, result: Executed | Exception) -> None:
    match result:
        case Executed(replayed=replayed):
            one.outcome = Outcome.DUPLICATE if replayed else Outcome.APPLIED
        case Refused():
            one.dead = DeadLetter(result.problem, result.detail)
        case CausationReused():
            one.dead = DeadLetter("idempotency_key_reused", "this id came with another body")
        case Unavailable():
            raise result
        case _:
            one.failure = result


def _say(error: Exception | None) -> str:
    """The error's class alone: its text may quote a person's data."""
    return type(error).__name__
