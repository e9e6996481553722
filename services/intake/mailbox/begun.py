"""Which messages of the mailboxes are being read, and which were when a process died: durable.

Each reading is written down before it begins and crossed out when it ends, however it ends: what stands there
and is no longer going on ended with its process. A message is named by its cause, so neither another UID nor
another replica makes it a new one.
"""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock, NewId

BEGUN: Final = "mailbox_readings"
"""The collection: one document a message that is read, or was not read to its end."""

MOST_DEATHS: Final = 2
LONGEST_READING: Final = timedelta(seconds=45)
"""No reading goes on for longer: what began before ended with its process."""
KEPT_FOR: Final = timedelta(days=30)

Turn = Literal["read", "leave", "give_up"]
"""Read the message; leave it to those who may be reading it; give it to a person unread."""


def turn_of(begun: list[datetime], now: datetime) -> Turn:
    """What to do with a message, by the readings that began before and did not end."""
    if len(begun) < MOST_DEATHS:
        return "read"
    ended = [at for at in begun if at <= now - LONGEST_READING]
    return "give_up" if len(ended) >= MOST_DEATHS else "leave"


class BegunReadings:
    """The readings that began, in intake's own database."""

    def __init__(self, collection: mongodb.Collection, new_id: NewId, clock: Clock) -> None:
        """`collection` needs find, insert, update and remove."""
        self._begun = collection
        self._new_id = new_id
        self._clock = clock
        self._ended: set[str] = set()
        """Readings of this process that are over, and could not be crossed out."""

    async def prepare(self) -> None:
        """Create the index by which MongoDB forgets messages that nobody found again."""
        seconds = int(KEPT_FOR.total_seconds())
        expiring = mongodb.IndexModel([("last_at", 1)], expireAfterSeconds=seconds)
        with mongodb.store_errors():
            await self._begun.create_indexes([expiring])

    async def turn(self, cause: str) -> Turn:
        """What to do with this message."""
        with mongodb.store_errors():
            found: dict[str, Any] = await self._begun.find_one({"_id": cause}) or {}
        begun = [one["at"] for one in found.get("readings", []) if one["name"] not in self._ended]
        return turn_of(begun, self._clock())

    async def begin(self, cause: str) -> str:
        """Write down that a reading begins, durably; gives its name."""
        name, now = self._new_id(), self._clock()
        change = {"$push": {"readings": {"name": name, "at": now}}, "$set": {"last_at": now}}
        with mongodb.store_errors():
            try:
                await self._begun.update_one({"_id": cause}, change, upsert=True)
            except mongodb.DuplicateKeyError:  # another was faster with the first one
                await self._begun.update_one({"_id": cause}, change)
        return name

    async def end(self, cause: str, name: str) -> None:
        """Cross it out: the process lives."""
        self._ended.add(name)
        with mongodb.store_errors():
            await self._begun.update_one({"_id": cause}, {"$pull": {"readings": {"name": name}}})
            await self._begun.delete_one({"_id": cause, "readings": []})
        self._ended.discard(name)

    async def settle(self, cause: str) -> None:
        """Forget the message: what became of it is durable."""
        with mongodb.store_errors():
            await self._begun.delete_one({"_id": cause})
