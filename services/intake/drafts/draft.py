"""A draft, and what keeps drafts."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

from pydantic import BaseModel, ConfigDict

from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document, Kind

KEPT_FOR: Final = timedelta(days=30)
"""A draft that nobody touches is removed after so long."""
MOST_CHARACTERS: Final = 64 * 1024
"""Of all that was typed."""


class DraftTooLarge(Refused):
    """What was typed is longer than any form that could be sent."""

    problem = "validation_failed"

    def __init__(self) -> None:
        wrong = FieldError.of("/justification", "too_long", maximum=MOST_CHARACTERS)
        super().__init__(wrong.detail, errors=(wrong,))


class Draft(BaseModel):
    """A form as it was left.

    Attributes:
        key: the form's name: sent twice, also from its draft, it is one request.
        typed: by field, as people write it; nothing is checked.
        documents: those that are attached already.
        saved_at: when.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    typed: Mapping[str, str]
    documents: tuple[Document, ...]
    saved_at: datetime

    def require_small(self) -> None:
        """Raises `DraftTooLarge` where it is."""
        if sum(map(len, self.typed.values())) > MOST_CHARACTERS:
            raise DraftTooLarge


class Drafts(Protocol):
    """Keeps one draft an account and kind (one suite tests each keeper).

    Every method raises `StoreUnavailable` when the store cannot be reached.
    """

    async def save(self, account: str, kind: Kind, draft: Draft) -> None:
        """Durably, in the place of one that was there.

        Raises:
            DraftTooLarge: it is.
        """
        ...

    async def find(self, account: str, kind: Kind) -> Draft | None:
        """The draft; None when there is none, or no longer."""
        ...

    async def discard(self, account: str, kind: Kind, key: str | None = None) -> None:
        """Remove it, where it has this key (None: any); there need not be one."""
        ...
