"""Makes MongoDB's roles and users, with the passwords that stand in their addresses; may be repeated.

As an administrator, whose address `BMT_MONGODB_URI` is. `bmt migrate` does the rest.
"""

import asyncio
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import typer

from bmt.chassis.errors import WrongConfiguration
from bmt.cli import connections
from bmt.cli.command_line import DEFAULT_DATA, reported
from bmt.cli.connections import mongodb_client
from bmt.rights import mongodb_rights

SECRETS = Path(os.environ.get("SECRETS", "/run/secrets"))


def main() -> None:
    """Exit code 2: an address is missing or wrong, 3: MongoDB cannot be reached."""
    with reported():
        passwords = {user: _password(SECRETS / f"mongodb-{user}") for user in mongodb_rights.USERS}
        asyncio.run(_establish(passwords))


async def _establish(passwords: dict[str, str]) -> None:
    async with mongodb_client(connections.mongodb(DEFAULT_DATA)) as client:
        await mongodb_rights.establish(client.admin, passwords)


def _password(file: Path) -> str:
    address = file.read_text() if file.is_file() else ""
    if not (password := urlsplit(address.strip()).password):
        raise WrongConfiguration(
            f"{file} is wrong: mongodb://USER:PASSWORD@HOST/ it must be, with the user's password"
        )
    return unquote(password)


if __name__ == "__main__":
    typer.run(main)
