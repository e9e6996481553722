"""The parking lot: events whose handler failed wait here, durably, each request's in order.

A failed event is tried again with backoff and full jitter; after its tries it stays for an operator.
Later events of the same key queue behind it, while all others flow.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from bmt.chassis import mongodb

TRIES: Final = 6
FIRST_BACKOFF_SECONDS: Final = 0.2
LONGEST_BACKOFF_SECONDS: Final = 30.0
LEASE: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record as it came.

    `key` is text for queueing; a record without a key queues by its own place.
    """

    topic: str
    partition: int
    offset: int
    key: str
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None
    raw_key: bytes | None = None

    @property
    def place(self) -> str:
        """`topic:partition:offset`, unique in the cluster."""
        return f"{self.topic}:{self.partition}:{self.offset:020d}"


@dataclass(frozen=True, slots=True)
class Parked:
    """A record in the lot.

    Attributes:
        record: as it came.
        reason: the error's name and what it said, without personal data.
        tries: how often its handler failed.
        due_at: when it is tried again; None: it waits for an operator.
        parked_at: when it came here, UTC.
    """

    record: Record
    reason: str
    tries: int
    due_at: datetime | None
    parked_at: datetime

    @property
    def id(self) -> str:
        """The record's place."""
        return self.record.place


def after_failure(parked: Parked, reason: str, now: datetime) -> Parked:
    """The same, one failure on: due again after a random part of a growing wait, or left alone."""
    tries = parked.tries + 1
    if tries >= TRIES:
        return replace(parked, reason=reason, tries=tries, due_at=None)
    ceiling = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**tries)
    wait = timedelta(seconds=random.uniform(0, ceiling))  # noqa: S311  full jitter
    return replace(parked, reason=reason, tries=tries, due_at=now + wait)


class ParkingLot(Protocol):
    """Where failed events wait. Every method raises `StoreUnavailable` when it cannot be reached."""

    async def waiting_keys(self, keys: Collection[str]) -> Collection[str]:
        """Those of `keys` that have an event here: later ones must queue behind."""
        ...

    async def park(self, parked: Sequence[Parked]) -> None:
        """Take these in; one that is here already stays as it is."""
        ...

    async def take_due(self, now: datetime) -> Parked | None:
        """One event that is due and first of its key, leased to the caller."""
        ...

    async def keep(self, parked: Parked) -> None:
        """Put back what was taken, with what came of the try."""
        ...

    async def release(self, id_: str) -> bool:
        """Remove an event: it was handled, or an operator discarded it. False: it was not here."""
        ...

    async def retry(self, id_: str, now: datetime) -> bool:
        """Make an event due now, with all its tries. False: it was not here."""
        ...

    async def list(self, limit: int) -> Sequence[Parked]:
        """What waits, the oldest first."""
        ...

    async def count(self) -> int:
        """How many wait for an operator."""
        ...


class MongoParkingLot:
    """The lot in the service's own database."""

    def __init__(self, collection: mongodb.Collection) -> None:
        """`collection` needs find, insert, update and delete."""
        self._lot = collection

    async def prepare(self) -> None:
        """Create the indexes."""
        with mongodb.store_errors():
            await self._lot.create_indexes(
                [
                    mongodb.IndexModel([("key", 1), ("parked_at", 1), ("_id", 1)]),
                    mongodb.IndexModel([("due_at", 1)]),
                ]
            )

    async def waiting_keys(self, keys: Collection[str]) -> Collection[str]:
        """As `ParkingLot.waiting_keys`."""
        with mongodb.store_errors():
            return set(await self._lot.distinct("key", {"key": {"$in": list(keys)}}))

    async def park(self, parked: Sequence[Parked]) -> None:
        """As `ParkingLot.park`."""
        if not parked:
            return
        with mongodb.store_errors():
            try:
                await self._lot.insert_many([_document(item) for item in parked], ordered=False)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)

    async def take_due(self, now: datetime) -> Parked | None:
        """As `ParkingLot.take_due`."""
        with mongodb.store_errors():
            due = self._lot.find(
                {"due_at": {"$lte": now}, "lease_until": {"$not": {"$gt": now}}}
            ).sort("due_at", 1)
            async for candidate in due:
                first = await self._lot.find_one(
                    {"key": candidate["key"]}, sort=[("parked_at", 1), ("_id", 1)]
                )
                if first is None or first["_id"] != candidate["_id"]:
                    continue
                taken = await self._lot.find_one_and_update(
                    {"_id": candidate["_id"], "lease_until": {"$not": {"$gt": now}}},
                    {"$set": {"lease_until": now + LEASE}},
                )
                if taken is not None:
                    return _parked(taken)
        return None

    async def keep(self, parked: Parked) -> None:
        """As `ParkingLot.keep`."""
        with mongodb.store_errors():
            await self._lot.update_one(
                {"_id": parked.id},
                {
                    "$set": {
                        "reason": parked.reason,
                        "tries": parked.tries,
                        "due_at": parked.due_at,
                    },
                    "$unset": {"lease_until": ""},
                },
            )

    async def release(self, id_: str) -> bool:
        """As `ParkingLot.release`."""
        with mongodb.store_errors():
            return bool((await self._lot.delete_one({"_id": id_})).deleted_count)

    async def retry(self, id_: str, now: datetime) -> bool:
        """As `ParkingLot.retry`."""
        with mongodb.store_errors():
            result = await self._lot.update_one({"_id": id_}, {"$set": {"due_at": now, "tries": 0}})
        return bool(result.matched_count)

    async def list(self, limit: int) -> Sequence[Parked]:
        """As `ParkingLot.list`."""
        with mongodb.store_errors():
            found = await self._lot.find().sort("parked_at", 1).limit(limit).to_list(None)
        return [_parked(document) for document in found]

    async def count(self) -> int:
        """As `ParkingLot.count`."""
        with mongodb.store_errors():
            return int(await self._lot.count_documents({"due_at": None}))


def _document(parked: Parked) -> dict[str, Any]:
    record = parked.record
    return {
        "_id": parked.id,
        "key": record.key,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "headers": [[name, value] for name, value in record.headers],
        "value": record.value,
        "raw_key": record.raw_key,
        "reason": parked.reason,
        "tries": parked.tries,
        "due_at": parked.due_at,
        "parked_at": parked.parked_at,
    }


def _parked(document: dict[str, Any]) -> Parked:
    return Parked(
        record=Record(
            topic=document["topic"],
            partition=document["partition"],
            offset=document["offset"],
            key=document["key"],
            headers=tuple((name, value) for name, value in document["headers"]),
            value=document["value"],
            raw_key=document["raw_key"],
        ),
        reason=document["reason"],
        tries=document["tries"],
        due_at=document["due_at"],
        parked_at=document["parked_at"],
    )
