"""The event store: a decision is one document, a *commit*, written once. And the events that a service knows, by type.

A commit's id is its causation (the id of the event or command that caused it). So the store is also the
inbox: a redelivered message finds its commit. `(stream, version)` is unique, so two decisions on the same
state cannot both be stored. `outbox` marks what the relay has yet to publish.
"""

import base64
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, field
from datetime import datetime
from typing import Any, Final, Protocol

import orjson
from pydantic import BaseModel, ValidationError

from bmt.chassis import crash_points
from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent, StoredEnvelope
from bmt.chassis.runtime import mongodb
from bmt.contracts.envelope import MalformedEvent
from bmt.contracts.problems import FieldError, Refused, faults_in_body, listed
from bmt.contracts.values import immutable


@immutable
class EventRecord:
    """An event as it is stored and published.

    Attributes:
        sequence: counts the published events of its stream from 1. 0 for an event that stays within the service.
        text: its data as JSON (RFC 8259), encoded once: the stored bytes are the published bytes.
        decoded: the data as its model, if it is at hand.
    """

    id: str
    type: str
    time: datetime
    sequence: int
    text: str
    decoded: BaseModel | None = field(default=None, compare=False, repr=False)

    @property
    def data(self) -> dict[str, Any]:
        parsed: dict[str, Any] = orjson.loads(self.text)
        return parsed


@immutable
class RefusalRecord:
    """A recorded refusal: the same call again gets the same answer."""

    problem: str
    detail: str
    extra: dict[str, Any]

    @classmethod
    def of(cls, refused: Refused) -> "RefusalRecord":
        """The record of a refusal. `extra` holds the wrong fields as `errors`, as the problem does."""
        errors = [error.model_dump(mode="json") for error in refused.errors]
        return cls(
            refused.problem,
            refused.detail,
            {**refused.extra, **({"errors": errors} if errors else {})},
        )

    def again(self, *, replayed: bool) -> Refused:
        more = dict(self.extra)
        errors = tuple(FieldError.model_validate(error) for error in more.pop("errors", ()))
        return Refused(
            self.detail, problem=self.problem, extra=more, errors=errors, replayed=replayed
        )


@immutable
class Commit:
    """One decision: the events it led to (or the refusal, or nothing to do), and its cause.

    Attributes:
        id: the causation: id of the event or command that led here.
        stream: `<category>-<subject>`, for example `request-<uuid>`.
        version: 1, 2, … without gaps within the stream.
        sequence: published events of the stream, this commit's included.
        fingerprint: hash of the message's content. The same id with another one is refused.
        recorded_at: when it was written (UTC), for people. Versions alone give the order.
        outbox: whether it is still to be delivered.
    """

    id: str
    stream: str
    version: int
    sequence: int
    events: tuple[EventRecord, ...]
    fingerprint: str
    recorded_at: datetime
    outbox: bool = False
    refusal: RefusalRecord | None = None
    traceparent: str | None = None

    @property
    def subject(self) -> str:
        """What the stream is about: its name without the category."""
        return self.stream.partition("-")[2]


@immutable
class Appended:
    """The commit is durable on a majority."""

    commit: Commit


@immutable
class AlreadyRecorded:
    """The same causation was committed before, as this commit."""

    commit: Commit


@immutable
class VersionConflict:
    """Another commit took this version. Load, fold and decide again."""

    commit: Commit


AppendOutcome = Appended | AlreadyRecorded | VersionConflict


@immutable
class Tail:
    """Where a stream ends."""

    version: int = 0
    sequence: int = 0
    last: Commit | None = field(default=None, compare=False)


class EventStore(Protocol):
    """The promises of the memory store and the MongoDB store. One test suite checks both.

    Every method raises `StoreUnavailable` if the store cannot be reached. An append may have been written
    all the same; repeating it gives the answer.
    """

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        """Write each commit by itself. The outcomes are in the order of `commits`."""
        ...

    async def load(self, streams: Collection[str]) -> Mapping[str, Sequence[Commit]]:
        """The commits of each stream in version order. An unknown stream has none."""
        ...

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]: ...

    async def tails(self, streams: Collection[str]) -> Mapping[str, Tail]: ...

    async def pending(
        self, *, limit: int, recorded_before: datetime | None = None
    ) -> Sequence[Commit]:
        """Commits to be delivered, the oldest first, each stream's in version order."""
        ...

    async def pending_before(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """Undelivered commits of the same streams with lower versions, in version order."""
        ...

    async def delivered(self, causations: Collection[str]) -> None: ...

    async def outbox_size(self) -> tuple[int, datetime | None]:
        """How many commits are to be delivered, and when the oldest was recorded."""
        ...

    async def recorded_after(
        self,
        after: tuple[str, int] | None = None,
        *,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Commit]:
        """The next commits in the order of streams and versions. `since` (UTC) leaves out older ones."""
        ...

    def all(self) -> AsyncIterator[Commit]:
        """Every commit, each stream's in version order: for rebuilding views and for audits."""
        ...


Observe = Callable[[int, float], None]

_BY_STREAM = mongodb.IndexModel(
    [("stream", mongodb.ASCENDING), ("version", mongodb.ASCENDING)], unique=True, name="stream"
)
_OUTBOX = mongodb.IndexModel(
    [
        ("outbox", mongodb.ASCENDING),
        ("recorded_at", mongodb.ASCENDING),
        ("version", mongodb.ASCENDING),
    ],
    partialFilterExpression={"outbox": True},
    name="outbox_in_order",
)
INDEXES: Final = (_BY_STREAM, _OUTBOX)


class MongoEventStore:
    """Commits in one collection of the service's own database."""

    def __init__(self, collection: mongodb.Collection, observe: Observe | None = None) -> None:
        """`collection` needs find, insert, and update (for `outbox` alone).

        `observe` gets the number of commits of each write, and the seconds until it was durable.
        """
        self._commits = collection
        self._observe = observe
        self._prepared = False

    async def prepare(self) -> None:
        """Create the indexes that the promises depend on. Repeating it is harmless."""
        with mongodb.store_errors():
            await self._commits.create_indexes(list(INDEXES))
        self._prepared = True

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        """As `EventStore.append`: one unordered insert.

        Before `prepare` it raises `StoreUnavailable`: no index would keep two decisions from the same version.
        """
        if not self._prepared:
            raise StoreUnavailable
        refused: set[int] = set()
        began = time.perf_counter()
        crash_points.reached("event_store.appending")
        with mongodb.store_errors():
            try:
                await self._commits.insert_many(
                    [_document(commit) for commit in commits], ordered=False
                )
            except mongodb.BulkWriteError as error:
                refused = mongodb.duplicates(error)
        crash_points.reached("event_store.appended")
        if self._observe is not None:
            self._observe(len(commits), time.perf_counter() - began)
        recorded = await self.find([commits[index].id for index in refused])
        return [
            Appended(commit)
            if index not in refused
            else AlreadyRecorded(recorded[commit.id])
            if commit.id in recorded
            else VersionConflict(commit)
            for index, commit in enumerate(commits)
        ]

    async def load(self, streams: Collection[str]) -> Mapping[str, Sequence[Commit]]:
        found: dict[str, list[Commit]] = {stream: [] for stream in streams}
        if not found:
            return found
        cursor = self._commits.find({"stream": {"$in": list(found)}})
        for commit in await _commits(cursor.sort([("stream", 1), ("version", 1)])):
            found[commit.stream].append(commit)
        return found

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]:
        if not causations:
            return {}
        cursor = self._commits.find({"_id": {"$in": list(causations)}})
        return {commit.id: commit for commit in await _commits(cursor)}

    async def tails(self, streams: Collection[str]) -> Mapping[str, Tail]:
        return {stream: await self._tail(stream) for stream in streams}

    async def _tail(self, stream: str) -> Tail:
        cursor = self._commits.find({"stream": stream}).sort("version", mongodb.DESCENDING)
        last = await _commits(cursor.limit(1))
        return Tail(last[0].version, last[0].sequence, last[0]) if last else Tail()

    async def pending(
        self, *, limit: int, recorded_before: datetime | None = None
    ) -> Sequence[Commit]:
        query: dict[str, Any] = {"outbox": True}
        if recorded_before is not None:
            query["recorded_at"] = {"$lt": recorded_before}
        cursor = self._commits.find(query).sort([("recorded_at", 1), ("version", 1)])
        return await _commits(cursor.limit(limit))

    async def pending_before(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """As `EventStore.pending_before`, without a query for commits that begin their stream."""
        earlier = [
            {"outbox": True, "stream": commit.stream, "version": {"$lt": commit.version}}
            for commit in commits
            if commit.version > 1
        ]
        if not earlier:
            return []
        cursor = self._commits.find({"$or": earlier}).hint("stream")
        return await _commits(cursor.sort([("stream", 1), ("version", 1)]))

    async def delivered(self, causations: Collection[str]) -> None:
        """As `EventStore.delivered`, acknowledged by a majority, as are all reads and writes here.

        A commit that only one node has can be rolled back and must not be published. An unset mark must not be
        read as pending again.
        """
        if not causations:
            return
        with mongodb.store_errors():
            await self._commits.update_many(
                {"_id": {"$in": list(causations)}}, {"$unset": {"outbox": ""}}
            )

    async def outbox_size(self) -> tuple[int, datetime | None]:
        with mongodb.store_errors():
            count = await self._commits.count_documents({"outbox": True}, hint="outbox_in_order")
        oldest = await self.pending(limit=1) if count else ()
        return count, oldest[0].recorded_at if oldest else None

    async def recorded_after(
        self,
        after: tuple[str, int] | None = None,
        *,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Commit]:
        query = {"recorded_at": {"$gte": since}} if since is not None else {}
        cursor = self._commits.find(query).sort([("stream", 1), ("version", 1)]).hint("stream")
        if after is not None:
            stream, version = after
            cursor = cursor.min([("stream", stream), ("version", version + 1)])
        return await _commits(cursor.limit(limit).batch_size(limit))

    async def all(self) -> AsyncIterator[Commit]:
        with mongodb.store_errors():
            async for document in self._commits.find().sort([("stream", 1), ("version", 1)]):
                yield _commit(document)


async def _commits(cursor: Any) -> list[Commit]:
    with mongodb.store_errors():
        return [_commit(document) for document in await cursor.to_list(None)]


def text_of(stored: str | Mapping[str, Any]) -> str:
    """An event's data as JSON, from either stored form. Binary becomes base64 (RFC 4648)."""
    return stored if isinstance(stored, str) else orjson.dumps(stored, default=_base64).decode()


def _base64(value: Any) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} is not part of an event")
    return base64.b64encode(value).decode()


def _document(commit: Commit) -> dict[str, Any]:
    document: dict[str, Any] = {
        "_id": commit.id,
        "stream": commit.stream,
        "version": commit.version,
        "sequence": commit.sequence,
        "events": [
            {
                "id": event.id,
                "type": event.type,
                "time": event.time,
                "sequence": event.sequence,
                "data": event.text,
            }
            for event in commit.events
        ],
        "fingerprint": commit.fingerprint,
        "recorded_at": commit.recorded_at,
    }
    if commit.outbox:
        document["outbox"] = True
    if commit.refusal is not None:
        document["refusal"] = asdict(commit.refusal)
    if commit.traceparent is not None:
        document["traceparent"] = commit.traceparent
    return document


def _commit(document: Mapping[str, Any]) -> Commit:
    refusal = document.get("refusal")
    return Commit(
        id=document["_id"],
        stream=document["stream"],
        version=document["version"],
        sequence=document["sequence"],
        events=tuple(
            EventRecord(
                event["id"], event["type"], event["time"], event["sequence"], text_of(event["data"])
            )
            for event in document["events"]
        ),
        fingerprint=document["fingerprint"],
        recorded_at=document["recorded_at"],
        outbox=document.get("outbox", False),
        refusal=RefusalRecord(**refusal) if refusal else None,
        traceparent=document.get("traceparent"),
    )


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
