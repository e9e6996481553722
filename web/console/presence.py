"""Who has a request open now. Colleagues see it; it expires within half a minute."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock

LOOKING: Final = "looking"
"""The collection: one document for each request and person."""
LASTS: Final = timedelta(seconds=30)
"""Longer than the interval of a live page, so that a name does not flicker."""


class Presence:
    """Stores who has a request open. Every method raises `StoreUnavailable` if the store cannot be reached."""

    def __init__(self, collection: mongodb.Collection, clock: Clock) -> None:
        self._viewers = collection
        self._clock = clock

    async def prepare(self) -> None:
        """Create the index that finds a request's people, and the one that removes old entries."""
        found = mongodb.IndexModel([("agency", 1), ("request_id", 1)])
        expiring = mongodb.IndexModel([("until", 1)], expireAfterSeconds=0)
        with mongodb.store_errors():
            await self._viewers.create_indexes([found, expiring])

    async def record_viewer(self, visitor: Principal, request_id: str) -> None:
        """Records that the visitor has the request open. Only colleagues of the visitor's own agency see it."""
        account = visitor.subject.casefold()
        viewer = {
            "agency": visitor.agency,
            "request_id": request_id,
            "account": account,
            "name": visitor.name or visitor.subject,
            "until": self._clock() + LASTS,
        }
        key = f"{visitor.agency}/{request_id}/{account}"
        with mongodb.store_errors():
            try:
                await self._viewers.replace_one({"_id": key}, viewer, upsert=True)
            except mongodb.DuplicateKeyError:  # another page of theirs inserted it first
                await self._viewers.replace_one({"_id": key}, viewer)

    async def others(self, visitor: Principal, request_id: str) -> Sequence[str]:
        """The names of the visitor's colleagues who have it open now."""
        where = {
            "agency": visitor.agency,
            "request_id": request_id,
            "account": {"$ne": visitor.subject.casefold()},
            "until": {"$gt": self._clock()},
        }
        with mongodb.store_errors():
            found = await self._viewers.find(where).sort("name", 1).to_list(None)
        return [one["name"] for one in found]
