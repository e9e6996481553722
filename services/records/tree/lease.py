"""A lease that one process holds at a time. It saves work; what keeps the tree right are its unique numbers."""

from datetime import datetime, timedelta
from typing import Final

from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock, new_id

COLLECTION: Final = "sequencer"
LASTS: Final = timedelta(seconds=10)


class Lease:
    """This process's hold on the sequencer's place."""

    def __init__(self, database: mongodb.Database, clock: Clock) -> None:
        """The user needs find, insert and update."""
        self._leases = database[COLLECTION]
        self._clock = clock
        self._holder = new_id()
        self._renewed: datetime | None = None

    async def held(self) -> bool:
        """Take or renew it. False: another one has it."""
        now = self._clock()
        if self._renewed is not None and timedelta(0) <= now - self._renewed < LASTS / 3:
            return True
        self._renewed = None
        free = {"$or": [{"holder": self._holder}, {"until": {"$lt": now}}]}
        with mongodb.store_errors():
            try:
                await self._leases.update_one(
                    {"_id": COLLECTION, **free},
                    {"$set": {"holder": self._holder, "until": now + LASTS}},
                    upsert=True,
                )
            except mongodb.DuplicateKeyError:
                return False
        self._renewed = now
        return True

    async def release(self) -> None:
        """Let the next one in at once."""
        self._renewed = None
        with mongodb.store_errors():
            await self._leases.delete_one({"_id": COLLECTION, "holder": self._holder})
