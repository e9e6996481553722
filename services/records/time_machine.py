"""A file as it was at a moment or version: told again from its events up to then, and from nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.contracts.envelope import rfc3339
from bmt.contracts.http.records import (
    Hold,
    MissingDocument,
    Record,
    RecordedEvent,
    RecordFolio,
    RecordState,
)
from services.records.domain.errors import RecordNotFound
from services.records.domain.events import FolioFiled
from services.records.domain.state import DesignatedFile
from services.records.request_state import state_of
from services.records.sealing.leaf_seals import OpenLeaf

_PLACE: Final = frozenset({"index", "previous", "topic", "recorded_at"})


@dataclass(frozen=True, slots=True)
class Until:
    """How far to look: to a moment, to a version, or, with neither, to the end.

    Attributes:
        at: events that happened later are left out.
        version: leaves with a higher index are left out.
    """

    at: datetime | None = None
    version: int | None = None

    def holds(self, leaf: OpenLeaf) -> bool:
        """Whether the leaf is within."""
        return (self.version is None or leaf.leaf.index <= self.version) and (
            self.at is None or str(leaf.event.get("time")) <= rfc3339(self.at)
        )

    def filed_at(self, file: DesignatedFile) -> datetime | None:
        """When the file was complete, if it was by then."""
        if file.filed_at is None or (self.at is not None and file.filed_at > self.at):
            return None
        reached = self.version is None or file.filed_version <= self.version
        return file.filed_at if reached else None


def record(
    request_id: str, file: DesignatedFile, leaves: Sequence[OpenLeaf], until: Until
) -> Record:
    """The file as it was.

    Raises:
        RecordNotFound: nothing had happened by then.
    """
    shown = [leaf for leaf in leaves if until.holds(leaf)]
    if not shown:
        raise RecordNotFound
    folios = list(_folios(file.folios, {leaf.leaf.event_id for leaf in shown}, until))
    return Record(
        request_id=request_id,
        file_number=file.file_number,
        volume=max((folio.volume for folio in folios), default=1),
        version=max(leaf.leaf.index for leaf in shown),
        folios=tuple(folios),
        missing=missing(file.unfiled),
        events=tuple(_event(leaf) for leaf in shown),
        state=_state(file, shown, until),
        holds=tuple(Hold(by=one.by, reason=one.reason, at=one.at) for one in file.holds),
    )


def missing(unfiled: Mapping[str, str]) -> tuple[MissingDocument, ...]:
    """Documents that are named and not filed, with the reasons."""
    return tuple(
        MissingDocument(document_id=name, reason=reason) for name, reason in unfiled.items()
    )


def _folios(
    folios: Iterable[FolioFiled], event_ids: set[str], until: Until
) -> Iterable[RecordFolio]:
    """Those that an event shown had named, and that were filed by the moment asked for."""
    for folio in folios:
        if folio.event_id in event_ids and (until.at is None or folio.filed_at <= until.at):
            yield RecordFolio(**folio.model_dump(exclude={"key"}))


def _event(leaf: OpenLeaf) -> RecordedEvent:
    place = {name: value for name, value in leaf.leaf.content.items() if name in _PLACE}
    salts = {pointer: one.salt for pointer, one in (leaf.disclosures or {}).items()}
    told: dict[str, Any] = {"hash": leaf.leaf.hash, "disposed_of": leaf.closed, "salts": salts}
    # What is stored is shown as it stands: whether it is sound, the verification says.
    return RecordedEvent.model_construct(**told, **place, **leaf.event)


def _state(file: DesignatedFile, shown: Sequence[OpenLeaf], until: Until) -> RecordState:
    return state_of(file.request, [leaf.event for leaf in shown], until.filed_at(file))
