"""An agency's office: its mailbox on a real IMAP server, and what intake made of the mail in it."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from eventually import eventually
from fixtures.dovecot import PASSWORD, USER, Dovecot
from fixtures.service import Surroundings

from bmt.chassis.runtime.documents import DocumentStore
from bmt.chassis.runtime.mongodb import connect
from evaluation.forking import Forked, ForkServer
from evaluation.ports import any_free_port
from services.intake.emails import cause_of, identity_of
from services.intake.mailbox import BEGUN, LONGEST_READING
from services.intake.main import build
from services.intake.settings import Settings

SENDER = "bmt@mygovuc.gov.my"
MARKED_WITHIN_SECONDS = 60


def document_id(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


class Office:
    """The mailbox of MAMPU, and intake's database."""

    def __init__(
        self, dovecot: Dovecot, surroundings: Surroundings, mongodb: str, variables: dict[str, Any]
    ) -> None:
        self.dovecot = dovecot
        self.surroundings = surroundings
        self._client = connect(mongodb)
        self._variables = variables
        self.caller: httpx.AsyncClient

    def settings(self, port: int = 0, authserv_id: str = "", **changes: Any) -> dict[str, Any]:
        """Intake's settings; `port` is that of a wire to the mailbox, which trusts `authserv_id`."""
        mailbox = {
            "host": "127.0.0.1",
            "port": port or self.dovecot.port,
            "security": "none",
            "user": USER,
            "password": PASSWORD,
            "every_seconds": 0.5,
            "timeout_seconds": 5,
            "authserv_id": authserv_id or None,
        }
        given = {"mailboxes": json.dumps({"MAMPU": mailbox}), "smtp_sender": SENDER}
        return {**self._variables, **given, **changes}

    @asynccontextmanager
    async def intake(self, port: int = 0, **changes: Any) -> AsyncIterator[httpx.AsyncClient]:
        """Intake, which reads the mailbox, in this process."""
        settings = self.settings(port, **changes)
        async with self.surroundings.running(build, Settings, **settings) as client:
            yield client

    @asynccontextmanager
    async def process(self, forks: ForkServer, port: int = 0) -> AsyncIterator[Forked]:
        """Intake as a process that can be killed."""
        settings = {**self.surroundings._settings, **self.settings(port)}
        settings |= {"port": any_free_port()}
        command = (sys.executable, "-m", "services.intake.main")
        variables = {**os.environ, **_variables(settings)}
        child = await forks.start(command, variables, Path(os.devnull), None)
        try:
            yield child
        finally:
            child.send_signal(signal.SIGKILL)
            await child.wait()

    @property
    def database(self) -> str:
        return f"{self.surroundings.name}_intake"

    async def commits(self) -> list[dict[str, Any]]:
        """What messages of the mailbox led to, but for whether it was delivered yet."""
        commits = self._client[self.database]["commits"]
        found = await commits.find({"_id": {"$regex": "^mail:"}}, {"outbox": 0}).to_list(None)
        for event in (event for commit in found for event in commit["events"]):
            event["data"] = json.loads(event["data"])
        return found

    async def takes(self, *messages: bytes) -> list[dict[str, Any]]:
        """What these messages lead to, once all of the mailbox are marked."""
        before = {commit["_id"] for commit in await self.commits()}
        for message in messages:
            self.dovecot.deliver(message)
        await self.all_taken(self.dovecot.delivered)
        return [commit for commit in await self.commits() if commit["_id"] not in before]

    async def rename_commit(self, message: bytes) -> None:
        """As if this message had been taken when messages were known by their bytes."""
        commits = self._client[self.database]["commits"]
        now = cause_of("MAMPU", identity_of(BytesIO(message)) or b"")
        commit = await commits.find_one_and_delete({"_id": now})
        await commits.insert_one({**commit, "_id": cause_of("MAMPU", sha256(message).digest())})

    async def stored(self, document: str) -> bytes:
        """A document's bytes as they are kept."""
        store = DocumentStore(self._client[f"{self.surroundings.name}_documents"])
        _, chunks = await store.open(document)
        return b"".join([chunk async for chunk in chunks])

    def knows(self, request_id: str) -> Callable[[], Awaitable[None]]:
        """Tells whether intake's view has this request."""

        async def check() -> None:
            assert await self._client[self.database]["requests"].find_one({"_id": request_id})

        return check

    async def all_taken(self, messages: int) -> None:
        """Wait until that many messages of the mailbox are marked."""

        def check() -> None:
            assert self.dovecot.marked == messages

        await eventually(check, timeout=MARKED_WITHIN_SECONDS)

    async def begun(self) -> list[dict[str, Any]]:
        """The readings that began and did not end."""
        found = await self._client[self.database][BEGUN].find().to_list(None)
        return [reading for message in found for reading in message["readings"]]

    async def let_time_pass(self) -> None:
        """As if those readings had begun so long ago that none of them can go on."""
        long_ago = datetime.now(UTC) - LONGEST_READING
        change = {"$set": {"readings.$[].at": long_ago}}
        await self._client[self.database][BEGUN].update_many({}, change)

    def close(self) -> None:
        self._client.close()


def what_became(commit: dict[str, Any]) -> tuple[str, str]:
    """The document id of a message, and what it was taken for."""
    (event,) = commit["events"]
    data = event["data"]
    if event["type"] == "my.gov.bmt.RequestReceived.v1":
        return data["documents"][0]["document_id"], "request"
    kind = "set_aside" if data["set_aside"] else "bounce" if data["bounce"] else "inbox"
    return data["mail"]["documents"][0]["document_id"], kind


def _variables(settings: dict[str, Any]) -> dict[str, str]:
    return {
        f"BMT_{name.upper()}": json.dumps(value) if isinstance(value, dict) else str(value)
        for name, value in settings.items()
    }
