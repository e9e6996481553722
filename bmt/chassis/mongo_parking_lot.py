"""The parking lot in a service's own database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from bmt.chassis import crash_points, mongodb
from bmt.chassis.parking import LEASE, Discarding, Parked, Record

PARKED: Final = "parked"
"""The lot's collection in a service's own database."""

DISCARDED: Final = "discarded"
"""The collection, beside the lot, of what operators gave up: only ever added to."""


class MongoParkingLot:
    """`ParkingLot` on MongoDB."""

    def __init__(self, collection: mongodb.Collection) -> None:
        """`collection` needs find, insert, update and delete."""
        self._lot = collection
        self._discarded = collection.database[DISCARDED]

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
        crash_points.reached("mongo_parking_lot.parking")
        with mongodb.store_errors():
            try:
                await self._lot.insert_many([_document(item) for item in parked], ordered=False)
            except mongodb.BulkWriteError as error:
                mongodb.duplicates(error)
        crash_points.reached("mongo_parking_lot.parked")

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

    async def discard(self, id_: str, discarding: Discarding) -> bool:
        """As `ParkingLot.discard`: one transaction, so that it is never in both places or in none."""
        here = {"_id": id_, "lease_until": {"$not": {"$gt": discarding.at}}}
        with mongodb.store_errors():
            session = await self._lot.database.client.start_session()
            try:
                async with session, session.start_transaction():
                    document = await self._lot.find_one_and_delete(here, session=session)
                    if document is None:
                        return False
                    crash_points.reached("mongo_parking_lot.discarding")
                    given_up = _given_up(document, discarding)
                    await self._discarded.insert_one(given_up, session=session)
            except mongodb.OperationFailure as error:
                if error.code != mongodb.WRITE_CONFLICT:
                    raise
                return False
        return True

    async def retry(self, id_: str, now: datetime) -> bool:
        """As `ParkingLot.retry`."""
        with mongodb.store_errors():
            result = await self._lot.update_one({"_id": id_}, _due(now))
        return bool(result.matched_count)

    async def retry_all(self, now: datetime) -> int:
        """As `ParkingLot.retry_all`."""
        with mongodb.store_errors():
            return int((await self._lot.update_many({"due_at": None}, _due(now))).matched_count)

    async def find(self, id_: str) -> Parked | None:
        """As `ParkingLot.find`."""
        with mongodb.store_errors():
            document = await self._lot.find_one({"_id": id_})
        return None if document is None else _parked(document)

    async def list(self, limit: int) -> Sequence[Parked]:
        """As `ParkingLot.list`."""
        with mongodb.store_errors():
            oldest = self._lot.find().sort([("parked_at", 1), ("_id", 1)])
            found = await oldest.limit(limit).to_list(None)
        return [_parked(document) for document in found]

    async def size(self) -> int:
        """As `ParkingLot.size`."""
        with mongodb.store_errors():
            return int(await self._lot.count_documents({}))

    async def count(self) -> int:
        """As `ParkingLot.count`."""
        with mongodb.store_errors():
            return int(await self._lot.count_documents({"due_at": None}))


def _due(now: datetime) -> dict[str, Any]:
    return {"$set": {"due_at": now, "tries": 0}}


def _given_up(document: dict[str, Any], discarding: Discarding) -> dict[str, Any]:
    """The same place may be parked and discarded again, after its topic was read anew."""
    event = {name: value for name, value in document.items() if name not in ("_id", "lease_until")}
    return {
        "parked_id": document["_id"],
        **event,
        "discarded_by": discarding.by,
        "discarded_because": discarding.reason,
        "discarded_at": discarding.at,
    }


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
