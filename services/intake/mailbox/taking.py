"""Takes in one message of a mailbox: the message itself is the cause of what it leads to.

The same message leads to one commit, also when two processes read it, or it is read again after a crash, or
delivered twice.

Each reading is recorded before it begins and removed when it ends. A record without a running reading
means that the process died. The message's cause names it, so it stays the same under another UID or replica.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import structlog

from bmt.agencies.agency import Agency
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.chassis.runtime.documents import Received
from services.intake.channels.mail import OpenedMail, unopened
from services.intake.delivering import cause_of, identity_of, was_registered
from services.intake.domain.request import ReceiveEmail, request_stream
from services.intake.reading.readers import Readers

log = structlog.get_logger(__name__)

BEGUN: Final = "mailbox_readings"
"""The collection: one document for each message that is being read, or whose reading was cut off."""

MOST_DEATHS: Final = 2
LONGEST_READING: Final = timedelta(seconds=45)
"""A reading that began longer ago has ended with its process."""
KEPT_FOR: Final = timedelta(days=30)

Turn = Literal["read", "leave", "give_up"]
"""Read the message; leave it to the process that may be reading it; or pass it to a person unread."""


def turn_of(begun: list[datetime], now: datetime) -> Turn:
    """What to do with a message, by its earlier readings that did not end."""
    if len(begun) < MOST_DEATHS:
        return "read"
    ended = [at for at in begun if at <= now - LONGEST_READING]
    return "give_up" if len(ended) >= MOST_DEATHS else "leave"


class BegunReadings:
    """The readings that began, in intake's own database."""

    def __init__(self, collection: mongodb.Collection, new_id: NewId, clock: Clock) -> None:
        self._begun = collection
        self._new_id = new_id
        self._clock = clock
        self._ended: set[str] = set()
        """Readings of this process that ended, and could not be removed."""

    async def prepare(self) -> None:
        """Create the TTL index that removes messages that nobody found again."""
        seconds = int(KEPT_FOR.total_seconds())
        expiring = mongodb.IndexModel([("last_at", 1)], expireAfterSeconds=seconds)
        with mongodb.store_errors():
            await self._begun.create_indexes([expiring])

    async def turn(self, cause: str) -> Turn:
        with mongodb.store_errors():
            found: dict[str, Any] = await self._begun.find_one({"_id": cause}) or {}
        begun = [one["at"] for one in found.get("readings", []) if one["name"] not in self._ended]
        return turn_of(begun, self._clock())

    async def begin(self, cause: str) -> str:
        """Record durably that a reading begins, and give it a name."""
        name, now = self._new_id(), self._clock()
        change = {"$push": {"readings": {"name": name, "at": now}}, "$set": {"last_at": now}}
        with mongodb.store_errors():
            try:
                await self._begun.update_one({"_id": cause}, change, upsert=True)
            except mongodb.DuplicateKeyError:  # another process inserted it first
                await self._begun.update_one({"_id": cause}, change)
        return name

    async def end(self, cause: str, name: str) -> None:
        """Remove the reading: the process lives."""
        self._ended.add(name)
        with mongodb.store_errors():
            await self._begun.update_one({"_id": cause}, {"$pull": {"readings": {"name": name}}})
            await self._begun.delete_one({"_id": cause, "readings": []})
        self._ended.discard(name)

    async def settle(self, cause: str) -> None:
        """Remove the message: its outcome is durable."""
        with mongodb.store_errors():
            await self._begun.delete_one({"_id": cause})


Outcome = Literal["request", "inbox", "bounce", "set_aside", "known"]
"""The outcome of a message; `known`: it had been taken in before."""

Receive = Callable[[Received, OpenedMail, Agency], Awaitable[ReceiveEmail]]
"""Makes the command for a message."""

HEAD_BYTES: Final = 256 * 1024
TWICE: Final = "message_begun_twice"


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes messages in. One of more than `most_bytes` is kept whole, and only its beginning is read."""

    execution: Execution[Any, Any]
    commits: EventStore
    begun: BegunReadings
    readers: Readers
    receive: Receive
    most_bytes: int
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Across all mailboxes: a recorded reading never waits for another one."""

    async def __call__(self, home: Agency, received: Received) -> Outcome | None:
        """The message's outcome, durable; None: another process may be reading it, so try later.

        Raises:
            Unavailable: a part is unreachable; the call can be repeated.
        """
        identity = await asyncio.to_thread(identity_of, received.content)
        causation = cause_of(home.code, identity or received.digest)
        # Old messages are known by their bytes, from before copies were identified by their bodies.
        if await self.commits.find({causation, cause_of(home.code, received.digest)}):
            return "known"
        async with self._one_at_a_time:
            turn = await self.begun.turn(causation)
            if turn == "leave":
                return None
            if turn == "give_up":
                log.error("mailbox_message_given_up", agency=home.code, cause=causation)
                commit = await self._recorded(causation, home, received, unopened(TWICE))
            else:
                commit = await self._read(causation, home, received)
            await self.begun.settle(causation)
        return _outcome(commit)

    async def _read(self, causation: str, home: Agency, received: Received) -> Commit:
        reading = await self.begun.begin(causation)
        try:
            return await self._taken(causation, home, received)
        finally:
            await self.begun.end(causation, reading)

    async def _taken(self, causation: str, home: Agency, received: Received) -> Commit:
        try:
            return await self._recorded(causation, home, received, await self._opened(received))
        except Unavailable:
            raise
        except Exception:
            log.exception("mailbox_message_unread", agency=home.code, cause=causation)
            apart = unopened("not_stored_apart")
            return await self._recorded(causation, home, received, apart)

    async def _opened(self, received: Received) -> OpenedMail:
        received.content.seek(0)
        if received.size_bytes > self.most_bytes:
            head = received.content.read(HEAD_BYTES)
            return await self.readers.head(head, "message_too_large")
        return await self.readers.mail(received.content.read(), found=True)

    async def _recorded(
        self, causation: str, home: Agency, received: Received, opened: OpenedMail
    ) -> Commit:
        what = await self.receive(received, opened, home)
        stream = request_stream(what.request_id)
        fingerprint = causation.partition(":")[2]
        message = Message(stream, causation, fingerprint, what, begins_stream=True)
        return (await self.execution.execute(message)).commit


def _outcome(commit: Commit) -> Outcome:
    if was_registered(commit):
        return "request"
    item = commit.events[0].data
    if item["set_aside"] is not None:
        return "set_aside"
    return "bounce" if item["bounce"] is not None else "inbox"
