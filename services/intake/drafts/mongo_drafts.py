"""Drafts in intake's own database; MongoDB removes the old ones by itself."""

from typing import Any, Final

from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.values import Kind
from services.intake.drafts.draft import KEPT_FOR, Draft

DRAFTS: Final = "drafts"
"""The collection: one document an account and kind."""


class MongoDrafts:
    """`Drafts` on MongoDB."""

    def __init__(self, collection: mongodb.Collection, clock: Clock) -> None:
        """`collection` needs find, insert, update and remove."""
        self._drafts = collection
        self._clock = clock

    async def prepare(self) -> None:
        """Create the index that old drafts are removed by (a TTL index looks once a minute)."""
        seconds = int(KEPT_FOR.total_seconds())
        expiring = mongodb.IndexModel([("saved_at", 1)], expireAfterSeconds=seconds)
        with mongodb.store_errors():
            await self._drafts.create_indexes([expiring])

    async def save(self, account: str, kind: Kind, draft: Draft) -> None:
        """As `Drafts.save`."""
        draft.require_small()
        kept = {"account": account.casefold(), "kind": kind, **draft.model_dump()}
        where = _of(account, kind)
        with mongodb.store_errors():
            try:
                await self._drafts.replace_one(where, kept, upsert=True)
            except mongodb.DuplicateKeyError:  # another was faster with the first one
                await self._drafts.replace_one(where, kept)

    async def find(self, account: str, kind: Kind) -> Draft | None:
        """As `Drafts.find`."""
        with mongodb.store_errors():
            found = await self._drafts.find_one(_of(account, kind))
        if found is None or found["saved_at"] <= self._clock() - KEPT_FOR:
            return None
        return Draft.model_validate(found)

    async def discard(self, account: str, kind: Kind, key: str | None = None) -> None:
        """As `Drafts.discard`."""
        of_key = {} if key is None else {"key": key}
        with mongodb.store_errors():
            await self._drafts.delete_one({**_of(account, kind), **of_key})


def _of(account: str, kind: Kind) -> dict[str, Any]:
    return {"_id": f"{kind}/{account.casefold()}"}
