"""Drafts of the pages' forms."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document

KEPT_FOR: Final = timedelta(days=30)
"""A draft is removed after so long without a change."""
MOST_CHARACTERS: Final = 64 * 1024
"""In all fields together."""


class DraftTooLarge(Refused):
    """The text is longer than any form that could be sent."""

    problem = "validation_failed"

    def __init__(self) -> None:
        wrong = FieldError.of("/justification", "too_long", maximum=MOST_CHARACTERS)
        super().__init__(wrong.detail, errors=(wrong,))


class Draft(BaseModel):
    """An unfinished form, as its fields were typed.

    Attributes:
        key: names the form for ever: sent twice, also from its draft, it is one request.
        typed: by field; nothing is validated.
        documents: those that are attached.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    typed: Mapping[str, str]
    documents: tuple[Document, ...]
    saved_at: datetime

    def require_small(self) -> None:
        """Raises `DraftTooLarge`."""
        if sum(map(len, self.typed.values())) > MOST_CHARACTERS:
            raise DraftTooLarge


DRAFTS: Final = "drafts"
"""The collection: one document for each account and form."""


class Drafts:
    """Keeps one draft for each account and form in the pages' own database; MongoDB removes old ones.

    A form is the kind of a new request, or a decision on one request.

    Every method raises `StoreUnavailable` if the store cannot be reached.
    """

    def __init__(self, collection: mongodb.Collection, clock: Clock) -> None:
        """`collection` needs find, insert, update and remove."""
        self._drafts = collection
        self._clock = clock

    async def prepare(self) -> None:
        """Create the TTL index that removes old drafts."""
        seconds = int(KEPT_FOR.total_seconds())
        expiring = mongodb.IndexModel([("saved_at", 1)], expireAfterSeconds=seconds)
        with mongodb.store_errors():
            await self._drafts.create_indexes([expiring])

    async def save(self, account: str, kind: str, draft: Draft) -> None:
        """Store the draft durably in place of the former one.

        Raises:
            DraftTooLarge: the text is too long.
        """
        draft.require_small()
        document = {"account": account.casefold(), "kind": kind, **draft.model_dump()}
        where = _of(account, kind)
        with mongodb.store_errors():
            try:
                await self._drafts.replace_one(where, document, upsert=True)
            except mongodb.DuplicateKeyError:  # another process inserted it first
                await self._drafts.replace_one(where, document)

    async def find(self, account: str, kind: str) -> Draft | None:
        """The draft; None if there is none, or it has expired."""
        with mongodb.store_errors():
            found = await self._drafts.find_one(_of(account, kind))
        if found is None or found["saved_at"] <= self._clock() - KEPT_FOR:
            return None
        return Draft.model_validate(found)

    async def discard(self, account: str, kind: str, key: str | None = None) -> None:
        """Remove the draft if it has this key (None: any); there need not be one."""
        of_key = {} if key is None else {"key": key}
        with mongodb.store_errors():
            await self._drafts.delete_one({**_of(account, kind), **of_key})


def _of(account: str, kind: str) -> dict[str, Any]:
    return {"_id": f"{kind}/{account.casefold()}"}
