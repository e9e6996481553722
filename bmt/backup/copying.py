"""Copies the databases as they were at one moment, while the services go on; and puts such a copy back into an empty installation.

First a stream of all changes is opened, then every collection is copied as it comes, then a mark is written. The
copies are of many moments; with the changes until the mark, in the order in which MongoDB took them, they are of one:
that of the mark. Both are read as bytes and never held whole.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bmt.backup.directory import CHANGES, Backup, FileBeingWritten, NewBackup, Unusable
from bmt.chassis import crash_points
from bmt.chassis.messaging import consumer
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock

OPERATIONS: Final = "operations"
MARKS: Final = "backups"
"""The collection of backups that were begun: the mark of each, in the operators' database."""
ROWS: Final = ("insert", "update", "replace", "delete")
"""Changes of one document. Any other removes or renames what is being copied."""

HISTORY_LOST: Final = 286

LeftOut = Mapping[str, Collection[str]]
"""By database, each without the prefix of all: the collections that can be made again. Others are not looked at."""


@dataclass(frozen=True, slots=True)
class Cut:
    """When the copying began, and the moment as of which it is (UTC)."""

    began_at: datetime
    cut_at: datetime


async def copy(
    client: mongodb.Client,
    prefix: str,
    left_out: LeftOut,
    backup: NewBackup,
    mark: str,
    clock: Clock,
) -> Cut:
    """Copy every database of `left_out` into the directory, as of the moment when this has come to its end.

    Args:
        client: reads raw documents. Its user may find and watch everything, and write into the operators' database.
        prefix: of every database, such as `bmt_`.
        left_out: names the databases, too.
        backup: the directory.
        mark: an id that no other backup has.
        clock: UTC.

    Raises:
        StoreUnavailable: the directory holds nothing that counts; begin with a new one.
        Unusable: a collection was removed meanwhile; as above.
    """
    marks = client[f"{prefix}{OPERATIONS}"][MARKS]
    databases = [client[f"{prefix}{name}"] for name in left_out]
    names = {f"{prefix}{name}": skipped for name, skipped in left_out.items()}
    with mongodb.store_errors():
        async with client.watch(_of(names, marks)) as changes:
            # The stream begins with its first answer.
            first = await changes.try_next()
            # A majority has this after all that the stream left out; reads of the session see at least as much.
            async with await client.start_session(causal_consistency=True) as session:
                began_at = clock()
                await marks.insert_one({"_id": mark, "began_at": began_at}, session=session)
                try:
                    async with asyncio.TaskGroup() as group:
                        cut = group.create_task(_keep(changes, first, marks, mark, backup))
                        for name, database in zip(left_out, databases, strict=True):
                            await _copy_database(name, database, left_out[name], session, backup)
                        crash_points.reached("backup.copied")
                        at = {"$set": {"cut_at": clock()}}
                        await marks.update_one({"_id": mark}, at, session=session)
                except ExceptionGroup as failed:
                    raise _translated(failed.exceptions[0]) from None
    return Cut(began_at, cut.result())


def _translated(error: Exception) -> Exception:
    if isinstance(error, mongodb.OperationFailure) and error.code == HISTORY_LOST:
        return Unusable(
            "MongoDB's oplog no longer has what changed during the copy: nothing was backed up. Enlarge it"
            " (replSetResizeOplog), or back up when less is happening"
        )
    return error


def _of(names: Mapping[str, Collection[str]], marks: mongodb.Collection) -> list[dict[str, Any]]:
    """The changes that count, and the mark's."""
    wanted: list[dict[str, Any]] = [
        {"ns.db": name, "ns.coll": {"$nin": list(skipped)}} for name, skipped in names.items()
    ]
    own = {"ns.db": marks.database.name, "ns.coll": marks.name}
    return [{"$match": {"$or": [*wanted, own]}}]


async def _keep(
    changes: Any, first: Any, marks: mongodb.Collection, mark: str, backup: NewBackup
) -> datetime:
    """Write the changes down until the mark is set, in their order. Returns when MongoDB set it."""
    with backup.file(CHANGES) as file:
        change = first or await changes.next()
        while not _is_mark(change, marks, mark):
            if (change["ns"]["db"], change["ns"].get("coll")) != (marks.database.name, marks.name):
                if change["operationType"] not in ROWS:
                    raise Unusable(
                        f"{change['ns']['db']}: a collection was removed or renamed ({change['operationType']})"
                        " while it was copied: nothing was backed up. Begin again, with a new directory"
                    )
                file.add(change.raw)
            change = await changes.next()
        at: datetime = change["wallTime"]
        return at.astimezone(UTC)


def _is_mark(change: Any, marks: mongodb.Collection, mark: str) -> bool:
    return bool(
        change["operationType"] == "update"
        and (change["ns"]["db"], change["ns"]["coll"]) == (marks.database.name, marks.name)
        and change["documentKey"]["_id"] == mark
    )


async def _copy_database(
    name: str,
    database: mongodb.Database,
    left_out: Collection[str],
    session: Any,
    backup: NewBackup,
) -> None:
    found = await database.list_collection_names(session=session, filter={"type": "collection"})
    for collection in _worth(found, left_out):
        with backup.file(f"{name}.{collection}", name, collection) as file:
            await _copy_collection(database[collection], session, file)
        crash_points.reached("backup.collection_copied")


def _worth(found: Sequence[str], left_out: Collection[str]) -> Iterator[str]:
    return (
        name for name in sorted(found) if name not in left_out and not name.startswith("system.")
    )


async def _copy_collection(
    collection: mongodb.Collection, session: Any, file: FileBeingWritten
) -> None:
    """In the order in which it is stored: a document that changes meanwhile keeps its place there."""
    async for batch in collection.find_raw_batches({}, session=session):
        file.add(batch)


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
        positions = self._client[f"{self._prefix}{name}"][consumer.POSITIONS]
        await positions.delete_many({"_id": {"$ne": consumer.PRUNED}})


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
