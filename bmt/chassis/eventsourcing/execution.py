"""One write: load, fold, decide, append. Only a version conflict repeats it."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import CausationReused, StillContended, Unavailable
from bmt.chassis.eventsourcing.decider import Deciders, Message, decider_of
from bmt.chassis.eventsourcing.event_store import (
    AlreadyRecorded,
    Appended,
    AppendOutcome,
    Commit,
    EventRecord,
    EventStore,
    RefusalRecord,
    Tail,
    Vocabulary,
    type_of,
)
from bmt.chassis.runtime import observability, tracing
from bmt.chassis.runtime.background import Batcher, LruCache, backoff
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.tracing import Kind, Span
from bmt.contracts.problems import Refused
from bmt.contracts.values import immutable

C = TypeVar("C")
S = TypeVar("S")

# A command by itself has a line of its own in the log. Those that are decided together have one line, which counts them:
# a line of each would be a tenth of what a busy service does.

CountCommand = Callable[[str, str, int], None]
"""Counts commands of one name that had the same outcome."""

_WORD_BEGINS: Final = re.compile(r"(?<!^)(?=[A-Z])")
_FAILED: Final = frozenset({"unavailable", "internal"})

log = structlog.get_logger(__name__)


def uncounted(_: str, __: str, ___: int) -> None:
    """Counts nothing."""


@cache
def _snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()


class End(NamedTuple):
    """What became of a command: applied, duplicate or the name of the problem; the problem's code; what was stored."""

    outcome: str
    code: str = ""
    types: Sequence[str] = ()


@immutable
class Wave(Generic[C]):
    """Messages that are decided together. With spans on, each message that belongs to a trace carries its span's."""

    messages: Sequence[Message[C]]
    spans: Sequence[Span | None]
    began: float


class CommandLog:
    """Of one service's execution."""

    def __init__(self, count: CountCommand) -> None:
        self._count = count

    def begin(self, messages: Sequence[Message[C]]) -> Wave[C]:
        began = time.perf_counter()
        if not tracing.is_on():
            return Wave(messages, (), began)
        spans = [_span(message) for message in messages]
        traced = [
            replace(message, traceparent=span.traceparent) if span else message
            for message, span in zip(messages, spans, strict=True)
        ]
        return Wave(traced, spans, began)

    def end(self, wave: Wave[Any], ends: Sequence[End]) -> None:
        """`ends` are in the order of the messages; none if the wave was broken off."""
        if not ends:
            return
        names = [_snake_case(type(message.command).__name__) for message in wave.messages]
        counted = Counter(zip(names, (end.outcome for end in ends), strict=True))
        for (name, outcome), count in counted.items():
            self._count(name, outcome, count)
        for span, end in zip(wave.spans, ends, strict=False):
            if span:
                failed = end.outcome if end.outcome in _FAILED else ""
                span.end(failed, **{"bmt.outcome": end.outcome, "bmt.event_types": end.types})
        took = round((time.perf_counter() - wave.began) * 1000, 1)
        role = observability.note_of_call(decided=True)
        if len(ends) == 1:
            _log_one(wave.messages[0], names[0], ends[0], {**role, "duration_ms": took})
        else:
            outcomes: dict[str, dict[str, int]] = {}
            for (name, outcome), count in counted.items():
                outcomes.setdefault(name, {})[outcome] = count
            log.info("commands", commands=outcomes, **role, duration_ms=took)


def _span(message: Message[Any]) -> Span | None:
    """None: no trace led here, so that the commit takes over its stream's."""
    if not message.traceparent:
        return None
    name = _snake_case(type(message.command).__name__)
    category, _, subject = message.stream.partition("-")
    about = {"bmt.command": name, "bmt.stream_category": category}
    return tracing.begin(f"decide {name}", Kind.INTERNAL, message.traceparent, subject, **about)


def _log_one(message: Message[Any], name: str, end: End, fields: dict[str, Any]) -> None:
    """A stream's subject is left out where people chose it: it may be an account."""
    category, _, subject = message.stream.partition("-")
    if request_id := tracing.as_id(subject):
        fields["request_id"] = request_id
    if message.traceparent:
        fields["trace_id"] = observability.trace_id(message.traceparent)
    if end.code:
        fields["code"] = end.code
    log.info("command", command=name, outcome=end.outcome, category=category, **fields)


REMEMBERED: Final = 4_096
"""Streams; some kilobytes each."""


@immutable
class StreamState(Generic[S]):
    """A stream's state, and the place of its next commit.

    `history` holds its commits if it was loaded, and is None if it was cached.
    """

    state: S
    tail: Tail
    history: Sequence[Commit] | None = ()

    @property
    def remembered(self) -> bool:
        return self.history is None


class StreamStates(Generic[S]):
    """The states of one store's streams. A method that reads raises `StoreUnavailable` if the store is unreachable."""

    def __init__(self, store: EventStore, deciders: Deciders, vocabulary: Vocabulary) -> None:
        self._store = store
        self._deciders = deciders
        self._vocabulary = vocabulary
        self._remembered: LruCache[str, StreamState[S]] = LruCache(REMEMBERED)
        self._loads: Batcher[str, Sequence[Commit]] = Batcher(self._load)

    async def of(self, streams: Collection[str]) -> Mapping[str, StreamState[S]]:
        """Each stream from the cache, else from the store."""
        known = {
            stream: stream_state
            for stream in streams
            if (stream_state := self._remembered.get(stream)) is not None
        }
        missing = [stream for stream in streams if stream not in known]
        return {**known, **(await self.loaded(missing) if missing else {})}

    async def known(self, streams: Collection[str]) -> Mapping[str, S]:
        """As `of`, and cache what had to be loaded."""
        stream_states = await self.of(streams)
        for stream, stream_state in stream_states.items():
            if stream not in self._remembered:  # else it was written meanwhile
                self._remembered.put(stream, replace(stream_state, history=None))
        return {stream: stream_state.state for stream, stream_state in stream_states.items()}

    async def loaded(self, streams: Sequence[str]) -> Mapping[str, StreamState[S]]:
        """Each stream from the store. Simultaneous callers share a query."""
        histories = await self._loads.submit(streams)
        return {
            stream: self._folded(stream, history)
            for stream, history in zip(streams, histories, strict=True)
        }

    async def commits(self, stream: str) -> Sequence[Commit]:
        (history,) = await self._loads.submit([stream])
        return history

    def written(self, stream_state: StreamState[S], commit: Commit, events: Sequence[Any]) -> None:
        """Cache the state after `commit`, with these events, on top of `stream_state`."""
        state = stream_state.state
        if events:
            state = decider_of(self._deciders, commit.stream).fold(events, state)
        tail = Tail(commit.version, commit.sequence, commit)
        self._remembered.put(commit.stream, StreamState(state, tail, history=None))

    def forget(self, streams: Collection[str]) -> None:
        for stream in streams:
            self._remembered.forget(stream)

    def beginning(self, stream: str) -> StreamState[S]:
        return StreamState(decider_of(self._deciders, stream).initial, Tail())

    def _folded(self, stream: str, history: Sequence[Commit]) -> StreamState[S]:
        if not history:
            return self.beginning(stream)
        last = history[-1]
        state = decider_of(self._deciders, stream).fold(self._vocabulary.events(history))
        return StreamState(state, Tail(last.version, last.sequence, last), history)

    async def _load(self, streams: Sequence[str]) -> Sequence[Sequence[Commit]]:
        histories = await self._store.load(set(streams))
        return [histories[stream] for stream in streams]


@immutable
class Decided(Generic[S]):
    """The commit of a message, and the state it was decided on."""

    stream_state: StreamState[S]
    commit: Commit
    events: Sequence[BaseModel]


CONFLICT_TRIES: Final = 20

Deliver = Callable[[Sequence[Commit]], Awaitable[None]]
"""Delivers durable commits to the service's own views, then to the relay."""

CatchUp = Callable[[], Awaitable[None]]
"""Updates the lagging own views. A view that cannot be written stays pending."""


async def up_to_date() -> None:
    """No view lags."""


@immutable
class Executed:
    """A message's commit. `replayed`: the message had been decided before."""

    commit: Commit
    replayed: bool

    def raise_refusal(self) -> "Executed":
        """Return self, or raise the recorded `Refused`."""
        if (refusal := self.commit.refusal) is not None:
            raise refusal.again(replayed=self.replayed)
        return self


class Execution(Generic[C, S]):
    """Executes commands of one service's deciders against its event store.

    A method that reads or writes raises `StoreUnavailable` if the store cannot be reached.
    """

    def __init__(
        self,
        *,
        store: EventStore,
        deciders: Deciders,
        vocabulary: Vocabulary,
        published: Collection[str],
        relayed: Callable[[str], bool] | None = None,
        deliver: Deliver,
        catch_up: CatchUp = up_to_date,
        clock: Clock,
        new_id: NewId,
        count: CountCommand = uncounted,
    ) -> None:
        """`published` are the types with a topic. `relayed` selects all types that leave the service."""
        self._store = store
        self._deciders = deciders
        self._stream_states: StreamStates[S] = StreamStates(store, deciders, vocabulary)
        self._published = frozenset(published)
        self._relayed = relayed or self._published.__contains__
        self._clock = clock
        self._new_id = new_id
        self._log = CommandLog(count)
        self._catch_up = catch_up
        self._appends: Batcher[Commit, AppendOutcome] = Batcher(store.append)
        self._deliveries: Batcher[Commit, None] = Batcher(self._batched(deliver))

    async def execute(self, message: Message[C]) -> Executed:
        """Decide and append one command.

        Raises:
            Refused: the decider refuses. A recorded refusal is raised again when the command is repeated.
            CausationReused: the causation was used with another fingerprint.
            StoreUnavailable: the write is not confirmed. Repeating the same message is safe.
        """
        result = (await self.execute_many([message]))[0]
        await self._catch_up()
        if isinstance(result, Exception):
            raise result
        return result.raise_refusal()

    async def execute_many(self, messages: Sequence[Message[C]]) -> list[Executed | Exception]:
        """Decide, append and deliver a wave. An error of one message does not affect the others.

        Raises:
            StoreUnavailable: the store cannot be reached. Repeating the same messages is safe.
        """
        results = await self.decide_many(messages)
        # Replayed ones too: their first writer may have died before the views were updated, and the
        # caller must be able to read what was written.
        done = [r.commit for r in results if isinstance(r, Executed)]
        await self.deliver([commit for commit in done if commit.outbox])
        return results

    async def deliver(self, commits: Sequence[Commit]) -> None:
        """Update the service's own views, then give the relay the commits in the outbox."""
        await self._deliveries.submit([commit for commit in commits if commit.events])
        crash_points.reached("execution.handed_over")

    async def decide_many(self, messages: Sequence[Message[C]]) -> list[Executed | Exception]:
        """Decide and append a wave: one load, one write. The caller delivers the commits."""
        wave = self._log.begin(messages)
        results: Sequence[Executed | Exception] = ()
        try:
            results = await self._decide_many(wave.messages)
        except Unavailable as error:
            results = [error] * len(messages)
            raise
        finally:
            self._log.end(wave, [_end(result) for result in results])
        return list(results)

    async def _decide_many(self, messages: Sequence[Message[C]]) -> list[Executed | Exception]:
        results: dict[int, Executed | Exception] = {}
        undecided = list(range(len(messages)))
        for tries in range(CONFLICT_TRIES):
            undecided = await self._attempt(messages, undecided, results)
            if not undecided:
                break
            # The winning write may not be visible to a majority read yet.
            await asyncio.sleep(backoff(tries, first=0.002, longest=0.128))
        for index in undecided:
            results[index] = StillContended(messages[index].stream)
        await self._recall(messages, results)
        crash_points.reached("execution.recorded")
        return [results[index] for index in range(len(messages))]

    async def _recall(
        self, messages: Sequence[Message[C]], results: dict[int, Executed | Exception]
    ) -> None:
        """Replace the refusal of a message that was accepted before.

        A message that begins a stream is decided without loading it, and the rules may have changed since.
        """
        refused = [
            index
            for index, result in results.items()
            if messages[index].begins_stream and isinstance(result, Refused)
        ]
        recorded = await self._store.find({messages[index].causation for index in refused})
        for index in refused:
            if (commit := recorded.get(messages[index].causation)) is not None:
                results[index] = _replayed(messages[index], commit)

    async def state(self, stream: str) -> S:
        """The state of a stream as stored now, for code that acts on it outside a decision."""
        return (await self.states([stream]))[stream]

    async def states(self, streams: Collection[str]) -> Mapping[str, S]:
        loaded = await self._stream_states.loaded(list(streams))
        return {stream: stream_state.state for stream, stream_state in loaded.items()}

    async def was_decided(self, message: Message[C]) -> bool:
        """Whether the message was executed before. If so, `execute` repeats the result and needs no other data."""
        commits = await self._stream_states.commits(message.stream)
        return any(commit.id == message.causation for commit in commits)

    async def recorded(self, causations: Collection[str]) -> Collection[str]:
        return (await self._store.find(causations)).keys()

    async def known_state(self, stream: str, suffices: Callable[[S], bool] | None = None) -> S:
        """As `known_states`, for one stream."""
        condition = (lambda _, state: suffices(state)) if suffices else None
        return (await self.known_states([stream], condition))[stream]

    async def known_states(
        self, streams: Collection[str], suffices: Callable[[str, S], bool] | None = None
    ) -> Mapping[str, S]:
        """The states as this process knows them. Loaded streams are cached.

        Another process may have gone further. Where that does harm, `suffices` says of a stream whether this much is
        enough; if not, it is loaded from the store.
        """
        known = await self._stream_states.known(streams)
        behind = [one for one in streams if suffices and not suffices(one, known[one])]
        if not behind:
            return known
        self._stream_states.forget(behind)
        return {**known, **(await self._stream_states.known(behind))}

    async def catch_up(self, stream: str) -> None:
        """Deliver a stream's undelivered commits now, for a reader who misses them in a view."""
        commits = await self._stream_states.commits(stream)
        await self._deliveries.submit([commit for commit in commits if commit.outbox])

    async def _attempt(
        self,
        messages: Sequence[Message[C]],
        indexes: Sequence[int],
        results: dict[int, Executed | Exception],
    ) -> list[int]:
        """Decide these once. Returns the indexes that met, or may have met, another writer."""
        stream_states = await self._stream_states.of(
            {messages[i].stream for i in indexes if not messages[i].begins_stream}
        )
        again: list[int] = []
        decided: dict[int, Decided[S]] = {}
        for index in indexes:
            stream_state = stream_states.get(
                messages[index].stream
            ) or self._stream_states.beginning(messages[index].stream)
            try:
                outcome = self._decide(messages[index], stream_state)
            except Exception as error:  # noqa: BLE001  belongs to this message alone
                if stream_state.remembered:
                    self._stream_states.forget([messages[index].stream])
                    again.append(index)
                else:
                    results[index] = error
                continue
            if isinstance(outcome, Executed):
                results[index] = outcome
            else:
                decided[index] = outcome
        return again + await self._append(messages, decided, results)

    async def _append(
        self,
        messages: Sequence[Message[C]],
        decided: Mapping[int, Decided[S]],
        results: dict[int, Executed | Exception],
    ) -> list[int]:
        """Write the decisions. Returns the indexes whose version was taken."""
        commits = [one.commit for one in decided.values()]
        try:
            outcomes = await self._appends.submit(commits)
        except Unavailable:
            self._stream_states.forget([commit.stream for commit in commits])
            raise
        contended = []
        for (index, one), appended in zip(decided.items(), outcomes, strict=True):
            if isinstance(appended, Appended):
                self._stream_states.written(one.stream_state, one.commit, one.events)
                results[index] = Executed(appended.commit, replayed=False)
                continue
            self._stream_states.forget([one.commit.stream])
            if isinstance(appended, AlreadyRecorded):
                results[index] = _replayed(messages[index], appended.commit)
            else:
                contended.append(index)
        return contended

    def _decide(self, message: Message[C], stream_state: StreamState[S]) -> Decided[S] | Executed:
        for commit in stream_state.history or ():
            if commit.id == message.causation:
                replayed = _replayed(message, commit)
                if isinstance(replayed, Exception):
                    raise replayed
                return replayed
        try:
            decider = decider_of(self._deciders, message.stream)
            events = decider.decide(message.command, stream_state.state)
        except Refused as refused:
            if refused.status != HTTPStatus.CONFLICT:
                raise
            commit = self._commit(message, stream_state.tail, (), refused)
            return Decided(stream_state, commit, ())
        return Decided(stream_state, self._commit(message, stream_state.tail, events), events)

    def _commit(
        self,
        message: Message[Any],
        tail: Tail,
        events: Sequence[BaseModel],
        refused: Refused | None = None,
    ) -> Commit:
        """The commit after `tail`: its events, or the refusal, or nothing to do."""
        now = self._clock()
        sequence = tail.sequence
        records = []
        for event in events:
            type_ = type_of(event)
            published = type_ in self._published
            sequence += published
            text = event.model_dump_json(by_alias=True)
            records.append(
                EventRecord(self._new_id(), type_, now, sequence if published else 0, text, event)
            )
        return Commit(
            id=message.causation,
            stream=message.stream,
            version=tail.version + 1,
            sequence=sequence,
            events=tuple(records),
            fingerprint=message.fingerprint,
            recorded_at=now,
            # A message that is redelivered until the views have it, and goes to no topic, needs no mark.
            outbox=any(not message.comes_again or self._relayed(one.type) for one in records),
            refusal=RefusalRecord.of(refused) if refused else None,
            traceparent=message.traceparent or (tail.last.traceparent if tail.last else None),
        )

    @staticmethod
    def _batched(deliver: Deliver) -> Callable[[Sequence[Commit]], Awaitable[Sequence[None]]]:
        async def process(commits: Sequence[Commit]) -> Sequence[None]:
            await deliver(commits)
            return [None] * len(commits)

        return process

    async def close(self) -> None:
        await self._appends.close()
        await self._deliveries.close()


def _replayed(message: Message[Any], commit: Commit) -> Executed | CausationReused:
    if commit.fingerprint != message.fingerprint:
        return CausationReused(message.causation)
    return Executed(commit, replayed=True)


def _end(result: Executed | Exception) -> End:
    """The name of a problem is that of the caller's answer."""
    match result:
        case Executed(replayed=True):
            return End("duplicate")
        case Executed(commit=commit):
            types = [event.type for event in commit.events]
            refusal = commit.refusal
            return (
                End(refusal.problem, refusal.extra.get("code", ""))
                if refusal
                else End("applied", "", types)
            )
        case Refused():
            return End(result.problem, result.code)
        case CausationReused():
            return End("idempotency_key_reused")
        case _:
            return End("unavailable" if isinstance(result, Unavailable) else "internal")
