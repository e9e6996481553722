"""Makes the replica set, then MongoDB's roles and users; may be repeated.

They are those of the embedded mongod (`bmt.rights.mongodb_rights`), so that both agree.
"""

import asyncio
import os
from pathlib import Path
from urllib.parse import quote, urlsplit

import stamina

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime.mongodb import Client, OperationFailure, connect, store_errors
from bmt.rights import mongodb_rights

ADDRESS = os.environ["MONGODB_ADDRESS"]
SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))
ALREADY_INITIALIZED = 23


class NoPrimary(Exception):  # noqa: N818 - named for what is so
    """The set has not elected one yet."""


@stamina.retry(
    on=(Unavailable, OperationFailure, NoPrimary), attempts=None, timeout=120, wait_max=2
)
async def _establish() -> None:
    password = quote(_secret("mongodb-admin"), safe="")
    client = connect(f"mongodb://admin:{password}@{ADDRESS}/?directConnection=true")
    try:
        with store_errors():
            await _make_set(client)
            if not (await client.admin.command("hello"))["isWritablePrimary"]:
                raise NoPrimary
            await mongodb_rights.establish(client.admin, _passwords())
    finally:
        client.close()


async def _make_set(client: Client) -> None:
    new = {"_id": "bmt", "members": [{"_id": 0, "host": ADDRESS}]}
    try:
        await client.admin.command("replSetInitiate", new)
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


def _passwords() -> dict[str, str]:
    """As the addresses have them, by which the users come in."""
    return {
        user: urlsplit(_secret(f"mongodb-{user}")).password or "" for user in mongodb_rights.USERS
    }


def _secret(name: str) -> str:
    return (SECRETS / name).read_text().strip()


if __name__ == "__main__":
    asyncio.run(_establish())
