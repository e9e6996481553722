"""Which version the data of a database has, and whether this process may work on it.

The version counts changes that an earlier or later version of bmt cannot live with. What is only added (indexes, views,
fields with a default) does not count: the services do that themselves, as they start. `bmt migrate` makes the others.
"""

from typing import Any, Final

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime import mongodb

SCHEMA_VERSION: Final = 1
"""Of what this version of bmt reads and writes."""
COLLECTION: Final = "schema"
VERSION: Final = "version"
RESTORING: Final = "restoring"
"""The document of a restore that is under way, or died: nobody works on what is half there."""


async def require(database: mongodb.Database) -> None:
    """Return if this process may work on the database; one without a version gets it.

    Raises:
        WrongConfiguration: it may not; the text says what to do.
        StoreUnavailable: ask again.
    """
    found = await stored(database)
    if RESTORING in found:
        raise WrongConfiguration(
            f"{database.name} is half restored: stop the services, and run `bmt restore` again with the same backup"
        )
    if VERSION not in found:
        await keep_version(database)
        return
    number = found[VERSION]["number"]
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


async def stored(database: mongodb.Database) -> dict[str, Any]:
    """What is noted there, by `VERSION` and `RESTORING`."""
    named = {"_id": {"$in": [VERSION, RESTORING]}}
    with mongodb.store_errors():
        return {one["_id"]: one for one in await database[COLLECTION].find(named).to_list(None)}


async def keep_version(database: mongodb.Database) -> None:
    """Note this version, unless another process was faster."""
    with mongodb.store_errors():
        try:
            await database[COLLECTION].insert_one({"_id": VERSION, "number": SCHEMA_VERSION})
        except mongodb.DuplicateKeyError:
            return
