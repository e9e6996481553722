"""`bmt migrate`: brings databases, topics and rights to what this version of bmt needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bmt.cli.options import DEFAULT_DATA, AsJson, Data
from bmt.cli.outcome import NotSo, reported

if TYPE_CHECKING:
    from bmt.chassis.runtime.mongodb import Client, Database
    from bmt.cli.addresses import KafkaAddress, MongodbAddress

USUAL_PREFIX: Final = "bmt_"
"""Rights are for databases that begin with it, and for topics without a prefix."""


async def _charter_into_files(database: "Database") -> None:
    """Records' view `charter` has become a part of `files`, which records rebuilds once it runs."""
    from bmt.chassis.messaging.republishing import Job, Jobs  # noqa: PLC0415
    from bmt.chassis.readmodels import rebuilding  # noqa: PLC0415 - the command starts fast
    from bmt.chassis.runtime import clock  # noqa: PLC0415
    from bmt.chassis.runtime.mongodb import store_errors  # noqa: PLC0415

    with store_errors():
        if "charter" in await database.list_collection_names():
            job = Job("files", "the charter is measured from it", clock.now())
            await Jobs(database[rebuilding.COLLECTION]).add(job)
            await database.drop_collection("charter")


STEPS: Final[Mapping[int, Callable[["Database"], Awaitable[None]]]] = {2: _charter_into_files}
"""What brings the data of a database from the schema before to this one; each may be repeated."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what is to be done, and do nothing.")]


@dataclass(frozen=True)
class Change:
    """One thing that this version needs otherwise."""

    about: str
    what: str
    make: Callable[[], Awaitable[object]]


def migrate(
    dry_run: DryRun = False,  # noqa: FBT002 - an option
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Bring the databases (schema, indexes, rights) and Kafka (topics, rights) to this version; only forward.

    It may be repeated, and stopped anywhere. With an administrator's users of both.
    """
    with reported():
        from bmt.cli.connections import silenced  # noqa: PLC0415 - the command starts fast
        from bmt.cli.shown import show  # noqa: PLC0415

        with silenced():
            changes = asyncio.run(_migrated(data, dry_run=dry_run))
        document = {
            "dry_run": dry_run,
            "changes": [{"about": one.about, "what": one.what} for one in changes],
        }
        said = "to do" if dry_run else "done"
        lines = [f"{said}: {one.about}: {one.what}" for one in changes]
        show(document, lines or ["all is as this version needs it"], as_json=as_json)


async def _migrated(data: Path, *, dry_run: bool) -> list[Change]:
    from bmt.cli import addresses  # noqa: PLC0415 - the command starts fast
    from bmt.cli.connections import mongodb_client  # noqa: PLC0415

    mongodb, kafka = addresses.mongodb(data), addresses.kafka(data)
    found = []
    async with mongodb_client(mongodb) as client:
        # All is looked at first: what refuses leaves everything as it was.
        found += [change async for change in schemas(client, mongodb.prefix)]
        for changes in (_indexes, _mongodb_rights):
            found += [change async for change in changes(client, mongodb)]
        found += [change async for change in _kafka(kafka)]
        for change in () if dry_run else found:
            await _make(change)
    return found


async def _make(change: Change) -> None:
    from bmt.chassis.runtime.mongodb import OperationFailure, store_errors  # noqa: PLC0415

    try:
        with store_errors():
            await change.make()
    except OperationFailure as error:
        said = (error.details or {}).get("codeName", error.code)
        raise NotSo(f"{change.about}: {change.what}: MongoDB refuses it ({said})") from None


async def schemas(client: "Client", prefix: str) -> AsyncIterator[Change]:
    """What brings each database to the schema of this version.

    Raises:
        NotSo: one is half restored, or of a later version.
    """
    from bmt.chassis.runtime import mongodb  # noqa: PLC0415 - the command starts fast
    from bmt.rights.mongodb_rights import SERVICES, WEB  # noqa: PLC0415

    for name in (*SERVICES, WEB):
        database = client[f"{prefix}{name}"]
        stored = await mongodb.stored_schema(database)
        if mongodb.RESTORING in stored:
            raise NotSo(f"{database.name} is half restored: run `bmt restore` again, then this")
        number = stored.get(mongodb.SCHEMA_KEPT, {"number": 0})["number"]
        if number > mongodb.SCHEMA_VERSION:
            raise NotSo(
                f"{database.name} has data of schema {number}, and this version of bmt knows {mongodb.SCHEMA_VERSION}:"
                " a database goes forward only. Use the version of bmt that wrote it, or a later one"
            )
        for step in range(number + 1, mongodb.SCHEMA_VERSION + 1):
            make = partial(_make_schema, database, step)
            yield Change(database.name, f"schema {step}", make)


async def _make_schema(database: "Database", number: int) -> None:
    from bmt.chassis.runtime import mongodb  # noqa: PLC0415 - the command starts fast
    from bmt.chassis.runtime.mongodb import store_errors  # noqa: PLC0415

    if (step := STEPS.get(number)) is not None:
        await step(database)
    with store_errors():
        await database[mongodb.SCHEMA].update_one(
            {"_id": mongodb.SCHEMA_KEPT}, {"$max": {"number": number}}, upsert=True
        )


async def _indexes(client: "Client", address: "MongodbAddress") -> AsyncIterator[Change]:
    """The services make them, too, when they start; on much data that takes long, and is better done before."""
    from bmt.chassis.runtime.mongodb import store_errors  # noqa: PLC0415 - the command starts fast
    from bmt.cli import examination  # noqa: PLC0415

    for name in examination.VIEWS:
        for collection, models in examination.index_models(name).items():
            place = client[f"{address.prefix}{name}"][collection]
            with store_errors():
                seen = [one["key"] for one in (await place.index_information()).values()]
            there = {tuple((field, int(way)) for field, way in key) for key in seen}
            for model in models:
                fields = examination.fields_of(model)
                if fields not in there:
                    what = f"index of {collection} ({', '.join(field for field, _ in fields)})"
                    make = partial(place.create_indexes, [model])
                    yield Change(f"{address.prefix}{name}", what, make)


async def _mongodb_rights(client: "Client", address: "MongodbAddress") -> AsyncIterator[Change]:
    """Raises `NotSo` if a user is missing: only whoever knows its password can make it."""
    from bmt.chassis.runtime.mongodb import store_errors  # noqa: PLC0415 - the command starts fast
    from bmt.rights import mongodb_rights as rights  # noqa: PLC0415

    if address.prefix != USUAL_PREFIX:
        return
    named = [{"user": user, "db": "admin"} for user in rights.USERS]
    with store_errors():
        answer = await client.admin.command("usersInfo", named, showPrivileges=True)
    given = {one["user"]: rights.flattened(one["inheritedPrivileges"]) for one in answer["users"]}
    if missing := sorted(set(rights.USERS) - given.keys()):
        raise NotSo(
            f"MongoDB has no user {', '.join(missing)}: run the job that makes them with their passwords"
            " (`make up`, compose's mongodb-users), then this"
        )
    wrong = sorted(user for user in rights.USERS if given[user] != rights.rights_of(user))
    if wrong:
        make = partial(rights.renew, client.admin)
        yield Change("MongoDB", f"rights of {', '.join(wrong)}", make)


async def _kafka(address: "KafkaAddress") -> AsyncIterator[Change]:
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - the command starts fast

    from bmt.cli.connections import kafka_topics  # noqa: PLC0415
    from bmt.cli.outcome import NotRunning  # noqa: PLC0415
    from bmt.rights import kafka_rights  # noqa: PLC0415
    from bmt.rights.kafka_rights import table  # noqa: PLC0415

    if address.prefix:
        return
    rules = table()
    missing = sorted(set(rules.topics) - set(await kafka_topics(address)))
    try:
        given = await kafka_rights.in_force(address.options)
    except KafkaError as error:
        raise NotSo(
            f"Kafka's rights cannot be read ({type(error).__name__}): with its super user they can"
        ) from None
    wanted, users = set(kafka_rights.rights(rules)), {f"User:{user}" for user in rules.principals}
    wrong = wanted ^ {right for right in given if right.principal in users}
    changed = sorted({right.principal.removeprefix("User:") for right in wrong})

    async def make() -> None:
        try:
            await kafka_rights.establish(address.options)
        except (KafkaError, OSError) as error:
            raise NotRunning(f"Kafka refused it ({type(error).__name__})") from None

    what = [
        *([f"topics {', '.join(missing)}"] if missing else []),
        *([f"rights of {', '.join(changed)}"] if changed else []),
    ]
    if what:
        yield Change("Kafka", "; ".join(what), make)
