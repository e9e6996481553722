"""Copies the databases as they were at one moment, while the services go on.

First a stream of all changes is opened, then every collection is copied as it comes, then a mark is written. The
copies are of many moments; with the changes until the mark, in the order in which MongoDB took them, they are of one:
that of the mark. Both are read as bytes and never held whole.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bmt.backup.directory import CHANGES, FileBeingWritten, NewBackup, Unusable
from bmt.chassis import crash_points
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
                    raise _told(failed.exceptions[0]) from None
    return Cut(began_at, cut.result())


def _told(error: Exception) -> Exception:
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
