"""`bmt migrate`: brings databases, topics and rights to what this version of bmt needs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from aiokafka.errors import KafkaError

from bmt import schemas
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.mongodb import Client, OperationFailure, store_errors
from bmt.cli import connections, examination
from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data, NotRunning, NotSo, show
from bmt.cli.connections import KafkaAddress, MongodbAddress, kafka_topics, mongodb_client, silenced
from bmt.rights import kafka_rights
from bmt.rights import mongodb_rights as rights
from bmt.rights.kafka_rights import table

USUAL_PREFIX: Final = "bmt_"
"""Rights are for databases that begin with it, and for topics without a prefix."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what is to be done, and do nothing.")]


@dataclass(frozen=True)
class Change:
    """One change that this version needs."""

    about: str
    step: str
    make: Callable[[], Awaitable[object]]


def migrate(
    dry_run: DryRun = False,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Bring the databases (schema, indexes, rights) and Kafka (topics, rights) to this version; only forward.

    It may be repeated, and stopped anywhere. With an administrator's users of both.
    """
    with silenced():
        changes = asyncio.run(_migrated(data, dry_run=dry_run))
    document = {
        "dry_run": dry_run,
        "changes": [{"about": one.about, "what": one.step} for one in changes],
    }
    done = "to do" if dry_run else "done"
    lines = [f"{done}: {one.about}: {one.step}" for one in changes]
    show(document, lines or ["all is as this version needs it"], as_json=as_json)


async def _migrated(data: Path, *, dry_run: bool) -> list[Change]:
    mongodb, kafka = connections.mongodb(data), connections.kafka(data)
    found = []
    async with mongodb_client(mongodb) as client:
        # All is looked at first: what refuses leaves everything as it was.
        for changes in (_schemas, _indexes, _mongodb_rights):
            found += [change async for change in changes(client, mongodb)]
        found += [change async for change in _kafka(kafka)]
        for change in () if dry_run else found:
            await _make(change)
    return found


async def _make(change: Change) -> None:
    try:
        with store_errors():
            await change.make()
    except OperationFailure as error:
        code = (error.details or {}).get("codeName", error.code)
        raise NotSo(f"{change.about}: {change.step}: MongoDB refuses it ({code})") from None


async def _schemas(client: Client, address: MongodbAddress) -> AsyncIterator[Change]:
    try:
        async for database, number in schemas.behind(client, address.prefix):
            yield Change(
                database.name, f"schema {number}", partial(schemas.forward, database, number)
            )
    except WrongConfiguration as error:
        raise NotSo(str(error)) from None


async def _indexes(client: Client, address: MongodbAddress) -> AsyncIterator[Change]:
    """The services make them, too, when they start; on much data that takes long, and is better done before."""
    for name in examination.VIEWS:
        for collection, models in examination.index_models(name).items():
            place = client[f"{address.prefix}{name}"][collection]
            with store_errors():
                seen = [one["key"] for one in (await place.index_information()).values()]
            existing = {tuple((field, int(way)) for field, way in key) for key in seen}
            for model in models:
                fields = examination.fields_of(model)
                if fields not in existing:
                    step = f"index of {collection} ({', '.join(field for field, _ in fields)})"
                    make = partial(place.create_indexes, [model])
                    yield Change(f"{address.prefix}{name}", step, make)


async def _mongodb_rights(client: Client, address: MongodbAddress) -> AsyncIterator[Change]:
    """Raises `NotSo` if a user is missing: only the operator, who knows its password, can make it."""
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


async def _kafka(address: KafkaAddress) -> AsyncIterator[Change]:
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

    steps = [
        *([f"topics {', '.join(missing)}"] if missing else []),
        *([f"rights of {', '.join(changed)}"] if changed else []),
    ]
    if steps:
        yield Change("Kafka", "; ".join(steps), make)
