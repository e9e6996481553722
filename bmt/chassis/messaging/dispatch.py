"""What becomes of a consumed event: applied, duplicate, retried, parked or dead; never nothing.

A batch is handled in waves: the first event of every key together (one query loads their streams, one
write appends their commits), then the second events, and so on.
"""

import inspect
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import PurePath
from typing import Any, Final

import structlog
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.event_store import Commit, UnknownType, Vocabulary
from bmt.chassis.eventsourcing.execution import CatchUp, Executed, Execution, up_to_date
from bmt.chassis.http import bodies
from bmt.chassis.http.routes import JSON_BODY_BYTES
from bmt.chassis.messaging.dead_letters import DISCARDED, DeadLetters, OnDead, no_answer
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.messaging.parking import (
    QUEUED_BEHIND,
    DeadLetter,
    Parked,
    ParkingLot,
    Record,
    after_failure,
)
from bmt.chassis.readmodels.views import Projection
from bmt.chassis.runtime import observability, tracing
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.tracing import Kind, Span, as_id
from bmt.contracts.envelope import Envelope, MalformedEvent, OwnEnvelope, read_kafka, read_own
from bmt.contracts.problems import Refused

Handler = Callable[[IncomingEvent[Any]], Awaitable[Message[Any] | None]]
"""Turns a received event into a command, or None if nothing follows.

The handlers of a wave run one after the other. Waiting for something outside belongs in `Complete`, where the
whole wave waits once.
"""

Table = Mapping[type[BaseModel], Callable[..., Awaitable[Message[Any] | None]]]
"""Consumed event → handler, before its ports are bound."""


def bind(table: Table, **ports: Any) -> dict[type[BaseModel], Handler]:
    """The table with each handler's ports filled in, by the names in its signature.

    Raises:
        TypeError: a handler names a port that is not given.
    """
    bound: dict[type[BaseModel], Handler] = {}
    for event, handler in table.items():
        _, *wanted = inspect.signature(handler).parameters
        if missing := [name for name in wanted if name not in ports]:
            raise TypeError(f"{handler.__name__} needs {', '.join(missing)}")
        bound[event] = partial(handler, **{name: ports[name] for name in wanted})
    return bound


UNREADABLE: Final = "unreadable"


class Outcome(StrEnum):
    """What became of one event. consumed = applied + duplicate + parked + dead, always."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    RETRIED = "retried"
    PARKED = "parked"
    DEAD = "dead"


@dataclass(slots=True)
class EventOutcome:
    """One record during handling, and the commit it led to.

    In the end exactly one of `outcome`, `dead` and `failure` is set. `span` is there while spans are on.
    """

    record: Record
    incoming: IncomingEvent[BaseModel] | None = None
    commit: Commit | None = None
    outcome: Outcome | None = None
    dead: DeadLetter | None = None
    failure: Exception | None = None
    span: Span | None = None

    @property
    def type(self) -> str:
        return self.incoming.envelope.type if self.incoming else UNREADABLE

    @property
    def end(self) -> Outcome:
        if self.failure is not None:
            return Outcome.PARKED
        return Outcome.DEAD if self.dead else self.outcome or Outcome.APPLIED

    def note(self, result: Executed | Exception) -> None:
        """Take in the result of its command. Raises `Unavailable` so that the record is handled again."""
        match result:
            case Executed(commit=commit, replayed=replayed):
                self.commit = commit
                self.outcome = Outcome.DUPLICATE if replayed else Outcome.APPLIED
            case Refused():
                self.dead = DeadLetter(result.problem, result.detail, result.errors)
            case CausationReused():
                self.dead = DeadLetter("idempotency_key_reused", "this id came with another body")
            case Unavailable():
                raise result
            case _:
                self.failure = result


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


log = structlog.get_logger(__name__)

GIVEN_UP: Final = (
    "An operator gave this event up: it could not be handled. Publish it again if need be."
)
"""The detail for a sender outside. It omits the operator and the reason, which are internal."""

Count = Callable[[str, Outcome, int], None]
"""Counts events by type and outcome."""

Complete = Callable[[Sequence[Message[Any]]], Awaitable[Sequence[Message[Any] | Exception | None]]]
"""Adds to the commands of a wave what they need from outside, for all of them at once, in their order.

It raises nothing but `Unavailable`. What concerns one command alone stands in its place: `Refused` or
`CausationReused` make its event a dead letter, any other error parks it, and of None nothing follows.
"""


async def as_they_are(
    messages: Sequence[Message[Any]],
) -> Sequence[Message[Any] | Exception | None]:
    """These commands need nothing more."""
    return messages


class RecordReader:
    """Reads consumed records: each is an event of the vocabulary, or dead with the reason."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        only: Mapping[str, Collection[str]],
        outside: Collection[str],
    ) -> None:
        """`only` and `outside` are topics, as of `Dispatcher`."""
        self._vocabulary = vocabulary
        self._only = dict(only)
        self._outside = frozenset(outside)

    def read(self, record: Record) -> EventOutcome:
        one = EventOutcome(record, dead=record.unread)
        if one.dead:
            return one
        try:
            envelope = self._envelope(record)
            self._require_right_topic(record.topic, envelope.type)
            data = self._vocabulary.decode(envelope.type, envelope.data)
        except UnknownType as error:
            one.dead = DeadLetter("unknown_type", error.detail)
        except MalformedEvent as error:
            one.dead = DeadLetter("malformed", error.detail, error.errors)
        except Refused as refused:
            one.dead = DeadLetter(refused.problem, refused.detail, refused.errors)
        else:
            origin = f"{envelope.source}/{envelope.subject or ''}"
            position = int(envelope.sequence or 0)
            one.incoming = IncomingEvent(envelope, data, position, origin, record.topic)
        return one

    def _envelope(self, record: Record) -> Envelope | OwnEnvelope:
        if record.topic not in self._outside:
            own = read_own(record.headers, record.value)
            return own or read_kafka(record.headers, record.value)
        if len(record.value or b"") > JSON_BODY_BYTES:
            detail = f"The value may have at most {JSON_BODY_BYTES} bytes."
            raise Refused(detail, problem="too_large")
        return read_kafka(record.headers, record.value, parse=bodies.read_json, extensions=())

    def _require_right_topic(self, topic: str, type_: str) -> None:
        if type_ not in self._only.get(topic, (type_,)):
            raise UnknownType(f"type {type_} is not for this topic")


class Dispatcher:
    """Handles consumed records by one service's tables."""

    def __init__(
        self,
        *,
        vocabulary: Vocabulary,
        handlers: Mapping[type[BaseModel], Handler],
        execution: Execution[Any, Any],
        projections: Sequence[Projection],
        lot: ParkingLot,
        publisher: KafkaPublisher,
        dead_letters: str,
        service: str,
        count: Count,
        clock: Clock,
        only: Mapping[str, Collection[str]] | None = None,
        outside: Collection[str] = (),
        on_dead: OnDead = no_answer,
        complete: Complete = as_they_are,
        catch_up: CatchUp = up_to_date,
    ) -> None:
        """`dead_letters` is a topic. `projections` are the views of other services' events.

        `only` lists, for a topic that others write, the allowed types. Events on the topics `outside` come from
        other systems and are validated as strictly as HTTP calls. `on_dead` gets the records that became dead
        letters, before their offsets are committed.
        """
        self._reader = RecordReader(vocabulary, only or {}, outside)
        self._handlers = handlers
        self._execution = execution
        self._projections = projections
        self._lot = lot
        self._dead_letters = DeadLetters(publisher, dead_letters, service)
        self._count = count
        self._clock = clock
        self._only = dict(only or {})
        self._outside = frozenset(outside)
        self._on_dead = on_dead
        self._complete = complete
        self._catch_up = catch_up
        self._unapplied: list[EventOutcome] = []

    async def handle(self, records: Sequence[Record]) -> None:
        """Return when the results of each record are durable. Its offset may be committed after `update_views`.

        Raises:
            Unavailable: a part is unreachable; handle the same records again.
        """
        given_up = await self._lot.given_up(records)
        own_keys = [
            self._with_separate_key(record) for record in records if record.place not in given_up
        ]
        waiting = set(await self._lot.waiting_keys({record.key for record in own_keys}))
        parked: list[EventOutcome] = []
        handled: list[EventOutcome] = []
        for wave in waves(own_keys):
            read = [self._reader.read(record) for record in wave]
            behind = [one for one in read if one.record.key in waiting and one.dead is None]
            await self._park_behind(behind)
            ready = [one for one in read if one.record.key not in waiting or one.dead is not None]
            free = await self._execute(ready)
            waiting |= await self._park_failed(free)
            parked += behind
            handled += free
            crash_points.reached("dispatch.wave_ended")
        taken = [one for one in handled if one.failure is None]
        await self._deliver(taken)
        # Last: if a part became unreachable before this line, the batch is handled again.
        self._unapplied += taken
        for one in (*parked, *(one for one in handled if one.failure is not None)):
            self._count(one.type, Outcome.PARKED, 1)
        for record in records if given_up else ():
            if record.place in given_up:
                self._count(self._reader.read(record).type, Outcome.DUPLICATE, 1)

    async def update_views(self) -> None:
        """Return when the views hold everything handled since the last call. An event that a view fails at is parked.

        Raises:
            Unavailable: a part is unreachable; call again.
        """
        unapplied = list(self._unapplied)
        await self._project([one for one in unapplied if one.dead is None and one.failure is None])
        await self._catch_up()
        crash_points.reached("dispatch.projected")
        await self._park_failed(unapplied)
        del self._unapplied[: len(unapplied)]
        for (type_, end), count in Counter((one.type, one.end) for one in unapplied).items():
            self._count(type_, end, count)

    async def _park_behind(self, behind: Sequence[EventOutcome]) -> None:
        now = self._clock()
        await self._lot.park([Parked(one.record, QUEUED_BEHIND, 0, None, now) for one in behind])

    async def _park_failed(self, handled: Sequence[EventOutcome]) -> set[str]:
        failed = [one for one in handled if one.failure is not None]
        for one in failed:
            log.warning("event_parked", place=one.record.place, **_failure(one))
        now = self._clock()
        await self._lot.park(
            [
                after_failure(Parked(one.record, "", 0, now, now), _error_name(one.failure), now)
                for one in failed
            ]
        )
        return {one.record.key for one in failed}

    def _with_separate_key(self, record: Record) -> Record:
        """An outsider chooses its keys: they must not queue with those of our own events."""
        if record.topic not in self._only:
            return record
        return replace(record, key=f"{record.topic}/{record.key}")

    async def retry_one(self) -> bool:
        """Retry one due event of the parking lot, or remove it if it was given up. False: none is due."""
        parked = await self._lot.take_due(self._clock())
        if parked is None:
            return False
        crash_points.reached("dispatch.taken_up")
        if parked.discarding:
            await self._give_up(parked)
        else:
            await self._try_again(parked)
        return True

    async def _give_up(self, parked: Parked) -> None:
        """Carry out an operator's decision. A sender outside is answered before the event leaves the lot.

        Nobody waits for an answer to our own events. A dead letter of one would keep personal data in Kafka for ever.
        """
        if parked.record.topic in self._outside:
            await self._refuse([(parked.record, DeadLetter(DISCARDED, GIVEN_UP))])
        crash_points.reached("dispatch.discard_answered")
        if await self._lot.give_up(parked.id):
            log.info("event_given_up", place=parked.id)
        crash_points.reached("dispatch.given_up")

    async def _try_again(self, parked: Parked) -> None:
        (handled,) = tried = await self._execute([self._reader.read(parked.record)])
        if handled.failure is None:
            await self._deliver(tried)
            await self._project([one for one in tried if one.dead is None])
            await self._catch_up()
        crash_points.reached("dispatch.tried_again")
        if handled.failure is None:
            await self._lot.release(parked.id)
            self._count(handled.type, handled.end, 1)
            crash_points.reached("dispatch.released")
        else:
            self._count(handled.type, Outcome.RETRIED, 1)
            kept = after_failure(parked, _error_name(handled.failure), self._clock())
            await self._lot.keep(kept)
            if kept.due_at is None:
                log.error("event_waits_for_an_operator", place=parked.id, **_failure(handled))
            crash_points.reached("dispatch.kept")

    async def _execute(self, handling: list[EventOutcome]) -> list[EventOutcome]:
        with tracing.ending(self._spans(handling) if tracing.is_on() else ()):
            await self._decide(handling)
            for one in handling:
                if one.span:
                    error = _error_name(one.failure) if one.failure else ""
                    one.span.end(error, **{"bmt.outcome": one.end})
        crash_points.reached("dispatch.executed")
        return handling

    def _spans(self, handling: Sequence[EventOutcome]) -> list[Span]:
        """Of each event that has a handler, below what its header names."""
        for one in handling:
            if one.incoming and type(one.incoming.data) in self._handlers:
                given, topic = one.incoming.envelope, one.record.topic
                one.span = tracing.begin_on_topic(
                    "process",
                    Kind.CONSUMER,
                    topic,
                    given.traceparent,
                    given.type,
                    one.incoming.subject,
                )
        return [one.span for one in handling if one.span]

    async def _decide(self, handling: Sequence[EventOutcome]) -> None:
        commands = [
            (one, message)
            for one in handling
            if one.incoming and (message := await self._message(one, one.incoming)) is not None
        ]
        decided: list[EventOutcome] = []
        wave: list[Message[Any]] = []
        completed = await self._complete([message for _, message in commands])
        for (one, _), ready in zip(commands, completed, strict=True):
            if isinstance(ready, Exception):
                one.note(ready)
            elif ready is not None:
                decided.append(one)
                wave.append(replace(ready, traceparent=one.span.traceparent) if one.span else ready)
        results = await self._execution.decide_many(wave)
        for one, result in zip(decided, results, strict=True):
            one.note(result)

    async def _deliver(self, handled: Sequence[EventOutcome]) -> None:
        commits = [one.commit for one in handled if one.commit is not None]
        await self._execution.deliver(commits)
        await self._refuse([(one.record, one.dead) for one in handled if one.dead])

    async def _refuse(self, refused: Sequence[tuple[Record, DeadLetter]]) -> None:
        """Return when each dead letter is durable. Every dead letter passes here."""
        await self._dead_letters.bury(refused)
        await self._on_dead(refused)

    async def _message(
        self, one: EventOutcome, incoming: IncomingEvent[BaseModel]
    ) -> Message[Any] | None:
        if (handler := self._handlers.get(type(incoming.data))) is None:
            return None
        try:
            return await handler(incoming)
        except DeadLetter as error:
            one.dead = error
        except Refused as refused:
            one.dead = DeadLetter(refused.problem, refused.detail, refused.errors)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  it is parked with its reason
            one.failure = error
        return None

    async def _project(self, handling: Sequence[EventOutcome]) -> None:
        """Apply all at once. If that fails, apply one by one, so that only the bad event fails."""
        incoming = [one.incoming for one in handling if one.incoming]
        if not incoming or not self._projections:
            return
        try:
            for projection in self._projections:
                await projection.apply(incoming)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  it is parked with its reason
            if len(handling) == 1:
                handling[0].failure = error
                return
            await self._project_one_by_one(handling)

    async def _project_one_by_one(self, handling: Sequence[EventOutcome]) -> None:
        """Later events of the same key as a bad event fail with it."""
        stuck: dict[str, Exception | None] = {}
        for one in handling:
            if one.record.key in stuck:
                one.failure = stuck[one.record.key]
                continue
            await self._project([one])
            if one.failure is not None:
                stuck[one.record.key] = one.failure


def _failure(one: EventOutcome) -> dict[str, str]:
    """A failure's fields in the log: the place in the code, and never the error's own text."""
    frames = traceback.extract_tb(one.failure.__traceback__ if one.failure else None)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    fields = {"type": one.type, "error": _error_name(one.failure), "where": where}
    if one.incoming and (request_id := as_id(one.incoming.subject)):
        fields["request_id"] = request_id
    traceparent = (one.incoming and one.incoming.envelope.traceparent) or ""
    if observability.is_traceparent(traceparent):
        fields["trace_id"] = observability.trace_id(traceparent)
    return fields


def _error_name(error: Exception | None) -> str:
    """The error's class alone: its text may quote a person's data."""
    return type(error).__name__
