"""The only module that imports the MongoDB driver. Another driver would change this file alone.

Writes are acknowledged by a majority, journalled, and bounded in time. `rebuildable` is the exception.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias, TypeVar

import bson
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from gridfs.errors import CorruptGridFile, FileExists
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
)
from pymongo import (
    ASCENDING,
    DESCENDING,
    DeleteOne,
    IndexModel,
    InsertOne,
    ReplaceOne,
    ReturnDocument,
    UpdateMany,
    UpdateOne,
    WriteConcern,
)
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern

from bmt.chassis.errors import StillContended, StoreUnavailable, WrongConfiguration

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "AsyncIOMotorGridFSBucket",
    "BulkWriteError",
    "ConfigurationError",
    "CorruptGridFile",
    "DeleteOne",
    "DuplicateKeyError",
    "Encoded",
    "FileExists",
    "IndexModel",
    "InsertOne",
    "ObjectId",
    "OperationFailure",
    "ReplaceOne",
    "ReturnDocument",
    "UpdateMany",
    "UpdateOne",
]

Client: TypeAlias = "AsyncIOMotorClient[Any]"
Database: TypeAlias = "AsyncIOMotorDatabase[Any]"
Collection: TypeAlias = "AsyncIOMotorCollection[Any]"
Encoded = RawBSONDocument
Session: TypeAlias = Any
"""The driver's session within a transaction; None: outside of one."""

T = TypeVar("T")

RawDocument: Final = RawBSONDocument
"""A document as its bytes, `raw`: what is only passed on is never decoded."""
as_bytes: Final = bson.encode

WRITE_TIMEOUT_MS: Final = 10_000
SELECTION_TIMEOUT_MS: Final = 2_000
HEARTBEAT_MS: Final = 1_000
"""A server that hangs with open connections is detected after this and the selection timeout. The driver then
retries once, so a call fails (503) in 5 to 7 s, not after the socket's 20 s."""
DUPLICATE_KEY: Final = 11000
UNAUTHORIZED: Final = 13
AUTHENTICATION_FAILED: Final = 18
NOT_ALLOWED: Final = (UNAUTHORIZED, AUTHENTICATION_FAILED)
_CONFLICT_TRIES: Final = 20
_DISK_FULL: Final = (14031, 10334)
_SERVER_NOT_READY: Final = {
    6: "HostUnreachable",
    7: "HostNotFound",
    43: "CursorNotFound",
    89: "NetworkTimeout",
    94: "NotYetInitialized",
    134: "ReadConcernMajorityNotAvailableYet",
    175: "QueryPlanKilled",
    211: "KeyNotFound",
    237: "CursorKilled",
    246: "SnapshotUnavailable",
    262: "ExceededTimeLimit",
    9001: "SocketException",
    11601: "Interrupted",
}
"""Errors of a server that has just started or stepped down; the driver retries some of them once."""
_NOT_NOW: Final = (
    AutoReconnect,
    ConnectionFailure,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WriteConcernError,  # written by one node only: it timed out, or is shutting down
    ExecutionTimeout,
)


def connect(uri: str, **tls: Any) -> Client:
    """A client for this event loop. It connects on first use. Times are read back in UTC.

    `tls` holds TLS options beyond the address (`MongodbSettings.mongodb_tls`).
    """
    return AsyncIOMotorClient(
        uri,
        w="majority",
        journal=True,
        wTimeoutMS=WRITE_TIMEOUT_MS,
        serverSelectionTimeoutMS=SELECTION_TIMEOUT_MS,
        connectTimeoutMS=SELECTION_TIMEOUT_MS,
        heartbeatFrequencyMS=HEARTBEAT_MS,
        socketTimeoutMS=2 * WRITE_TIMEOUT_MS,
        tz_aware=True,
        retryWrites=True,
        retryReads=True,
        readConcernLevel="majority",
        readPreference="primary",
        appname="bmt",
        **tls,
    )


def rebuildable(collection: Collection) -> Collection:
    """The same collection for data that can be rebuilt from the events.

    One node acknowledges its writes, and its reads see them at once. (A majority read may miss them for some
    milliseconds. Code that confirms something as recorded must use a majority read, since what only one node
    has can be rolled back.)
    """
    return collection.with_options(
        write_concern=WriteConcern(w=1, j=False), read_concern=ReadConcern("local")
    )


@contextmanager
def store_errors() -> Iterator[None]:
    """Raise `StoreUnavailable` if MongoDB is unreachable, not primary, timed out or full."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except BulkWriteError as error:
        if error.details.get("writeConcernErrors"):
            raise StoreUnavailable("mongodb") from error
        raise
    except _NOT_NOW as error:
        raise StoreUnavailable("mongodb") from error
    except OperationFailure as error:
        if error.code in (*_DISK_FULL, *_SERVER_NOT_READY) or error.has_error_label(
            "RetryableWriteError"
        ):
            raise StoreUnavailable("mongodb") from error
        raise


def encoded(document: dict[str, Any]) -> Encoded:
    """The document as it travels: encoded once, and its size is known."""
    return RawBSONDocument(bson.encode(document))


async def in_transaction(collection: Collection, act: Callable[[Session], Awaitable[T]]) -> T:
    """What `act` gives, whose writes are made together or not at all; again while others write the same.

    `collection` is any one of the server.

    Raises:
        StoreUnavailable: not known to be done; repeating is safe.
    """
    for _ in range(_CONFLICT_TRIES):
        try:
            with store_errors():
                session = await collection.database.client.start_session()
                async with session, session.start_transaction():
                    return await act(session)
        except OperationFailure as error:
            if not error.has_error_label("TransientTransactionError"):
                raise
    raise StillContended("transaction")


def duplicates(error: BulkWriteError) -> set[int]:
    """The positions in the batch that a unique index refused. Raises `StoreUnavailable` if anything else failed."""
    details = error.details
    if details.get("writeConcernErrors") or any(
        fault["code"] != DUPLICATE_KEY for fault in details["writeErrors"]
    ):
        raise StoreUnavailable("mongodb") from error
    return {fault["index"] for fault in details["writeErrors"]}


async def reachable(database: Database) -> None:
    """Return if the server answers, else raise `StoreUnavailable`."""
    with store_errors():
        await database.command("ping")


# Which version the data of a database has, and whether this process may work on it. The version counts changes that an
# earlier or later version of bmt cannot live with. What is only added (indexes, views, fields with a default) does not
# count: the services do that themselves, as they start. `bmt migrate` makes the others.

SCHEMA_VERSION: Final = 2
"""Of what this version of bmt reads and writes. 2: a small document is stored with its bytes beside it, not in a chunk."""
SCHEMA: Final = "schema"
SCHEMA_KEPT: Final = "version"
RESTORING: Final = "restoring"
"""The document of a restore that is under way, or died: nobody works on what is half there."""


async def require_schema(database: Database) -> None:
    """Return if this process may work on the database; one without a version gets it.

    Raises:
        WrongConfiguration: it may not; the text says what to do.
        StoreUnavailable: ask again.
    """
    found = await stored_schema(database)
    if RESTORING in found:
        raise WrongConfiguration(
            f"{database.name} is half restored: stop the services, and run `bmt restore` again with the same backup"
        )
    if SCHEMA_KEPT not in found:
        await keep_schema_version(database)
        return
    number = found[SCHEMA_KEPT]["number"]
    if number > SCHEMA_VERSION:
        raise WrongConfiguration(
            f"{database.name} has data of schema {number}, and this version of bmt knows {SCHEMA_VERSION}:"
            " start the version of bmt that wrote it, or a later one"
        )
    if number < SCHEMA_VERSION:
        raise WrongConfiguration(
            f"{database.name} has data of schema {number}, and this version of bmt needs {SCHEMA_VERSION}:"
            " run `bmt migrate`"
        )


async def stored_schema(database: Database) -> dict[str, Any]:
    """What is noted there, by `VERSION` and `RESTORING`."""
    named = {"_id": {"$in": [SCHEMA_KEPT, RESTORING]}}
    with store_errors():
        return {one["_id"]: one for one in await database[SCHEMA].find(named).to_list(None)}


async def keep_schema_version(database: Database) -> None:
    """Note this version, unless another process was faster."""
    with store_errors():
        try:
            await database[SCHEMA].insert_one({"_id": SCHEMA_KEPT, "number": SCHEMA_VERSION})
        except DuplicateKeyError:
            return
