"""The event store in MongoDB: one document a commit, majority and journal, no transactions.

An event's data is stored as its text. Commits of earlier versions hold a sub-document, with sealed values
as binary. These must stay readable for ever.
"""

import base64
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import orjson

from bmt.chassis import crash_points
from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.eventsourcing.event_store import (
    AlreadyRecorded,
    Appended,
    AppendOutcome,
    Commit,
    EventRecord,
    RefusalRecord,
    Tail,
    VersionConflict,
)
from bmt.chassis.runtime import mongodb

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
            await self._commits.create_indexes([_BY_STREAM, _OUTBOX])
        self._prepared = True

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        """As `EventStore.append`: one unordered insert.

        Before `prepare` it raises `StoreUnavailable`: no index would keep two decisions from the same version.
        """
        if not self._prepared:
            raise StoreUnavailable
        refused: set[int] = set()
        began = time.perf_counter()
        crash_points.reached("mongo_event_store.appending")
        with mongodb.store_errors():
            try:
                await self._commits.insert_many(
                    [_document(commit) for commit in commits], ordered=False
                )
            except mongodb.BulkWriteError as error:
                refused = mongodb.duplicates(error)
        crash_points.reached("mongo_event_store.appended")
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
