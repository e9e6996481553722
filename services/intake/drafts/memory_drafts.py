"""Drafts in memory, for fast tests, under the same suite as the real ones."""

from bmt.chassis.clock import Clock
from bmt.contracts.values import Kind
from services.intake.drafts.draft import KEPT_FOR, Draft


class MemoryDrafts:
    """`Drafts`; nothing outlives the process."""

    def __init__(self, clock: Clock) -> None:
        """By `clock`, drafts grow old."""
        self._clock = clock
        self._kept: dict[tuple[str, Kind], Draft] = {}

    async def save(self, account: str, kind: Kind, draft: Draft) -> None:
        """As `Drafts.save`."""
        draft.require_small()
        self._kept[account.casefold(), kind] = draft

    async def find(self, account: str, kind: Kind) -> Draft | None:
        """As `Drafts.find`."""
        found = self._kept.get((account.casefold(), kind))
        return found if found and found.saved_at > self._clock() - KEPT_FOR else None

    async def discard(self, account: str, kind: Kind, key: str | None = None) -> None:
        """As `Drafts.discard`."""
        kept = self._kept.get((account.casefold(), kind))
        if kept is not None and key in (None, kept.key):
            del self._kept[account.casefold(), kind]
