"""Puts a backup back into an empty installation. Killed anywhere, the same again goes on.

Each database is marked first, and no service starts on one that is. Every step can be repeated: documents that are
there stay, then the changes are applied in their order, which leaves each document as it was at the backup's moment,
whatever a run before had done to it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from bmt.backup.copying import OPERATIONS
from bmt.backup.directory import CHANGES, Backup, Unusable
from bmt.chassis import crash_points
from bmt.chassis.messaging import consumer
from bmt.chassis.runtime import mongodb

COMMITS: Final = "commits"
AT_ONCE: Final = 500

Place = tuple[str, str]
"""Database, without the prefix of all, and collection."""


class Restoring:
    """One backup on its way into one installation."""

    def __init__(self, client: mongodb.Client, prefix: str, backup: Backup) -> None:
        """`client` reads raw documents; its user may do everything. `prefix` is of every database here."""
        self._client = client
        self._prefix = prefix
        self._backup = backup
        self.documents = 0
        self.changes = 0

    async def require_room(self) -> None:
        """Return if nothing is there, or what a killed run of the same backup left.

        Raises:
            Unusable: there is something, or the backup is of a later version.
            StoreUnavailable: it cannot be read.
        """
        manifest = self._backup.manifest
        if manifest.schema_version > mongodb.SCHEMA_VERSION:
            raise Unusable(
                f"{self._backup.folder} has data of schema {manifest.schema_version}, and this version of bmt knows"
                f" {mongodb.SCHEMA_VERSION}: restore it with the version that took it ({manifest.version}), or a later one"
            )
        for name in self._databases():
            database = self._client[f"{self._prefix}{name}"]
            begun = (await mongodb.stored_schema(database)).get(mongodb.RESTORING)
            if begun is not None and begun["backup"] != manifest.id:
                raise Unusable(
                    f"{database.name} is half restored from another backup ({begun['backup']}): go on with that one, or"
                    f" drop the databases {self._prefix}* and begin again"
                )
            with mongodb.store_errors():
                if begun is None and await database[COMMITS].find_one({}, {"_id": 1}) is not None:
                    raise Unusable(
                        f"{database.name} has commits, and a backup is restored into an empty installation alone: stop"
                        f" the services and drop the databases {self._prefix}*, or name another MongoDB (BMT_MONGODB_URI)"
                        " or data directory (--data)"
                    )

    async def run(self) -> None:
        """Restore it all. Call `require_room` and `Backup.verify` before.

        Raises:
            StoreUnavailable: repeat it.
            Unusable: a file cannot be opened.
        """
        with mongodb.store_errors():
            for name in self._databases():
                await self._schema(name).update_one(
                    {"_id": mongodb.RESTORING},
                    {"$set": {"backup": self._backup.manifest.id}},
                    upsert=True,
                )
            crash_points.reached("restore.begun")
            for file in self._backup.collections:
                await self._insert(file.name, (file.database, file.collection))
            await self._apply_changes()
            for name in self._databases():
                await self._forget_positions(name)
            crash_points.reached("restore.applied")
            for name in self._databases():
                await self._schema(name).delete_one({"_id": mongodb.RESTORING})

    def _databases(self) -> list[str]:
        """Those of processes, which look at their schema when they start."""
        found = {file.database for file in self._backup.collections}
        return sorted(found - {OPERATIONS})

    def _schema(self, name: str) -> mongodb.Collection:
        return self._client[f"{self._prefix}{name}"][mongodb.SCHEMA]

    async def _insert(self, file: str, place: Place) -> None:
        collection = self._collection(place)
        # The services make them when they start. Until the changes are applied, two documents may have one name.
        await collection.drop_indexes()
        async for documents in self._backup.documents(file):
            for start in range(0, len(documents), AT_ONCE):
                some = [mongodb.RawDocument(one) for one in documents[start : start + AT_ONCE]]
                try:
                    await collection.insert_many(some, ordered=False)
                except mongodb.BulkWriteError as error:
                    mongodb.duplicates(error)
                self.documents += len(some)
            crash_points.reached("restore.inserted")

    async def _apply_changes(self) -> None:
        """Those of one collection in their order: between collections there is none to keep."""
        async for documents in self._backup.documents(CHANGES):
            writes: dict[Place, list[Any]] = {}
            for change in map(mongodb.RawDocument, documents):
                database = change["ns"]["db"].removeprefix(self._backup.manifest.prefix)
                writes.setdefault((database, change["ns"]["coll"]), []).extend(_writes(change))
            for place, in_order in writes.items():
                await _write(self._collection(place), in_order)
            self.changes += len(documents)
            crash_points.reached("restore.changed")

    def _collection(self, place: Place) -> mongodb.Collection:
        database, collection = place
        return self._client[f"{self._prefix}{database}"][collection]

    async def _forget_positions(self, name: str) -> None:
        """They are of a Kafka that is no more. What was pruned stays pruned."""
        kept = self._client[f"{self._prefix}{name}"][consumer.POSITIONS]
        await kept.delete_many({"_id": {"$ne": consumer.PRUNED}})


async def _write(collection: mongodb.Collection, writes: Sequence[Any]) -> None:
    """All of these in order, but for a field that is not there any more.

    A copied document may be later than a change of it. If such a field is gone, another change below takes it away.
    """
    while writes:
        try:
            await collection.bulk_write(writes, ordered=True)
        except mongodb.BulkWriteError as error:
            (fault,) = error.details["writeErrors"]
            if fault["code"] not in _GONE:
                raise
            writes = writes[fault["index"] + 1 :]
        else:
            return


_GONE: Final = (28, 2)
"""MongoDB's PathNotViable, and the BadValue of what is no array."""


def _writes(change: Any) -> Iterator[Any]:
    """What repeats a change. Repeated in their order, all changes end in the same document, however often."""
    which = {"_id": change["documentKey"]["_id"]}
    match change["operationType"]:
        case "delete":
            yield mongodb.DeleteOne(which)
        case "insert" | "replace":
            yield mongodb.ReplaceOne(which, change["fullDocument"], upsert=True)
        case "update":
            update = change["updateDescription"]
            for array in update.get("truncatedArrays") or ():
                shorter = {"$each": [], "$slice": array["newSize"]}
                yield mongodb.UpdateOne(which, {"$push": {array["field"]: shorter}})
            for field in update["removedFields"]:
                yield mongodb.UpdateOne(which, {"$unset": {field: ""}})
            for field, value in update["updatedFields"].items():
                yield mongodb.UpdateOne(which, {"$set": {field: value}})
