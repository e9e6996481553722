"""The schema of the databases, and the steps that bring the data of an earlier version to this one's; only forward."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import (
    RESTORING,
    SCHEMA,
    SCHEMA_KEPT,
    SCHEMA_VERSION,
    Client,
    Database,
    store_errors,
    stored_schema,
)
from bmt.rights.mongodb_rights import SERVICES, WEB


async def _charter_into_files(database: Database) -> None:
    """Records' view `charter` has become a part of `files`, which records rebuilds once it runs."""
    with store_errors():
        if "charter" in await database.list_collection_names():
            job = Job("files", "the charter is measured from it", clock.now())
            await Jobs(database[rebuilding.COLLECTION]).add(job)
            await database.drop_collection("charter")


STEPS: Final[Mapping[int, Callable[[Database], Awaitable[None]]]] = {2: _charter_into_files}
"""What brings the data of a database from the schema before to this one; each may be repeated."""


async def behind(client: Client, prefix: str) -> AsyncIterator[tuple[Database, int]]:
    """Each database that is behind, with each schema that it has to reach, in order.

    Raises:
        WrongConfiguration: one is half restored, or of a later version; the text says what to do.
    """
    for name in (*SERVICES, WEB):
        database = client[f"{prefix}{name}"]
        stored = await stored_schema(database)
        if RESTORING in stored:
            raise WrongConfiguration(
                f"{database.name} is half restored: run `bmt restore` again, then this"
            )
        number = stored.get(SCHEMA_KEPT, {"number": 0})["number"]
        if number > SCHEMA_VERSION:
            raise WrongConfiguration(
                f"{database.name} has data of schema {number}, and this version of bmt knows {SCHEMA_VERSION}:"
                " a database goes forward only. Use the version of bmt that wrote it, or a later one"
            )
        for step in range(number + 1, SCHEMA_VERSION + 1):
            yield database, step


async def forward(database: Database, number: int) -> None:
    """Bring a database from the schema before to this one."""
    if (step := STEPS.get(number)) is not None:
        await step(database)
    with store_errors():
        await database[SCHEMA].update_one(
            {"_id": SCHEMA_KEPT}, {"$max": {"number": number}}, upsert=True
        )
