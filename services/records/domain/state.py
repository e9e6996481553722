"""A request's file as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from bmt.contracts.progress import Progress
from bmt.contracts.requests import RequestFacts
from services.records.domain.disposals import Disposal
from services.records.domain.events import FolioDue, FolioFiled, HoldPlaced

PENDING: Final = "pending"
"""Why a document is not filed that nobody tried to fetch yet."""

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})

REFUSED: Final = frozenset({"rejected", "withdrawn"})
"""Decisions after which nothing is configured."""


@dataclass(frozen=True, slots=True)
class Unopened:
    """Nothing of the request was heard yet."""


class DesignatedFile(NamedTuple):
    """The file of one request (SOP 6.0). A tuple is made anew in a tenth of a dataclass's time, at each event.

    Attributes:
        request: the request's facts, as its latest RequestReceived tells them.
        request_sequence: `ce_sequence` of that event; 0 while none was heard.
        file_number: for ever the same.
        volume: the volume that folios go into now.
        version: how far the ledger is filed: the highest leaf index.
        progress: where the procedure stands.
        sequences: the `ce_sequence`s filed of each source.
        due: documents that are named and not filed yet.
        missing: why, for those of `due` that cannot be filed now.
        folios: documents filed, by number.
        filed_at: when the file was complete; None before.
        filed_version: `version` then.
        key: of the person whose request it is, as its facts are sealed; None before there were keys.
        hold: who holds the file longest, and why; None: nobody.
        further_holds: those of others, in order.
    """

    request: RequestFacts
    file_number: str
    volume: int
    request_sequence: int = 0
    version: int = 0
    progress: Progress = Progress()
    sequences: Mapping[str, frozenset[int]] = _NONE
    due: Mapping[str, FolioDue] = _NONE
    missing: Mapping[str, str] = _NONE
    folios: tuple[FolioFiled, ...] = ()
    filed_at: datetime | None = None
    filed_version: int = 0
    key: str | None = None
    hold: HoldPlaced | None = None
    further_holds: tuple[HoldPlaced, ...] = ()

    @property
    def holds(self) -> tuple[HoldPlaced, ...]:
        """Every hold on the file: each ends by itself."""
        return (self.hold, *self.further_holds) if self.hold else ()

    @property
    def named(self) -> frozenset[str]:
        """Every document that was named so far."""
        return frozenset(self.due) | {folio.document_id for folio in self.folios}

    @property
    def unfiled(self) -> Mapping[str, str]:
        """Why each document that is named does not stand here yet."""
        return {name: self.missing.get(name, PENDING) for name in self.due}

    @property
    def complete(self) -> bool:
        """Whether the procedure is over and all it said, and every document of it, stands here."""
        return self.progress.outcome_notified and self._steps_here and self._nothing_due

    @property
    def _steps_here(self) -> bool:
        """The steps that the outcome needs: each topic brings its own events in its own time.

        What was returned and decided after all was corrected before: its new papers belong here.
        """
        progress = self.progress
        configured = progress.decision == "approved" and progress.configuration == "configured"
        receptions = progress.returned + (progress.decision != "withdrawn")
        return progress.received >= max(1, receptions) and (
            configured or progress.decision in REFUSED
        )

    @property
    def _nothing_due(self) -> bool:
        gapless = all(max(seen) == len(seen) for seen in self.sequences.values())
        return gapless and not self.due


State = Unopened | DesignatedFile | Disposal
