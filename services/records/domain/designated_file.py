"""The designated file of one request (SOP 6.0): its commands, its states and how events change it."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeVar

from pydantic import BaseModel

from bmt.contracts import topics
from bmt.contracts.events import Event, Filed, Progress, RequestEvent, RequestFacts
from bmt.contracts.values import GONE, Applicant, immutable
from bmt.verify_record import DISPOSED
from services.records.domain.disposal import GONE_DOCUMENT, GONE_EMAIL
from services.records.domain.events import (
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    HoldPlaced,
    HoldReleased,
)
from services.records.domain.reader import Reader

T = TypeVar("T")

MissingReason = Literal["not_stored", "content_differs"]
"""Why a document cannot be filed: it is not stored yet, or its bytes do not match its hash."""


@immutable
class Milestone:
    """What the client charter asks of an event: `at`, `due_at` and `prepared_reason` of `EventFiled`."""

    at: datetime
    due_at: datetime | None = None
    prepared_reason: str | None = None


@immutable
class FileEvent:
    """File an event that is in the ledger.

    Attributes:
        leaf_index: its place in the request's chain, from 1.
        file_number: of the request, used with its first event.
        key: the id of the person's key that seals the leaf.
        milestone: if a step of the client charter begins or ends with it.
        copied: of the documents that it names, those whose bytes were copied and verified.
    """

    event: RequestEvent
    event_id: str
    source: str
    sequence: int
    occurred_at: datetime
    leaf_index: int
    leaf_hash: str
    file_number: str
    at: datetime
    key: str | None = None
    milestone: Milestone | None = None
    copied: tuple["FileFolio", ...] = ()


@immutable
class FileFolio:
    """File a document whose bytes were copied and verified.

    Attributes:
        filename: the uploader's name for it, used if the event has none. Likewise `media_type`.
        folios_a_volume: a volume is closed at this number of folios.
    """

    document_id: str
    filename: str
    media_type: str
    size_bytes: int
    folios_a_volume: int
    at: datetime


@immutable
class ReportMissing:
    """Note that a document cannot be filed now."""

    document_id: str
    reason: MissingReason
    at: datetime


@immutable
class ViewRecord:
    """Record that somebody sees the file, or one document of it."""

    reader: Reader
    at: datetime
    document_id: str | None = None


@immutable
class ExportRecord:
    """Record that somebody takes a bundle of the file away."""

    reader: Reader
    at: datetime


@immutable
class FileDisposal:
    """File the disposal of everything that is sealed under `keys` in this file.

    Attributes:
        event_id: of the event in the ledger.
        leaf_index: its place in the request's chain.
    """

    event_id: str
    leaf_index: int
    leaf_hash: str
    keys: tuple[str, ...]
    at: datetime


@immutable
class PlaceHold:
    """Keep the file's data, whatever its age, until the hold is released (a court, an inquiry)."""

    reader: Reader
    reason: str
    at: datetime


@immutable
class ReleaseHold:
    """End the reader's own hold, or as an auditor every hold."""

    reader: Reader
    reason: str
    at: datetime


OnFile = (
    FileFolio | ReportMissing | ViewRecord | ExportRecord | FileDisposal | PlaceHold | ReleaseHold
)
"""The commands that need an open file."""

Command = FileEvent | OnFile


PENDING: Final = "pending"
"""The reason of a document that nobody has tried to fetch yet."""

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})

REFUSED: Final = frozenset({"rejected", "withdrawn"})
"""Decisions after which nothing is configured."""


@immutable
class Unopened:
    """No event of the request has arrived yet."""


class DesignatedFile(NamedTuple):
    """The file of one request (SOP 6.0).

    It is a tuple because a copy takes a tenth of a dataclass's time.

    Attributes:
        request: the facts of the latest RequestReceived.
        request_sequence: `ce_sequence` of that event; 0 before the first.
        file_number: never changes.
        volume: the current volume for folios.
        version: the highest leaf index filed.
        sequences: the `ce_sequence`s filed, by source.
        due: documents that are named and not filed yet.
        missing: the reasons of those of `due` that cannot be filed now.
        filed_at: when the file was complete.
        filed_version: `version` at that time.
        key: the person's key that seals the facts; None before there were keys.
        hold: the oldest hold on the file.
        further_holds: the others, in order.
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
        return (self.hold, *self.further_holds) if self.hold else ()

    @property
    def named(self) -> frozenset[str]:
        """Every document named so far."""
        return frozenset(self.due) | {folio.document_id for folio in self.folios}

    @property
    def unfiled(self) -> Mapping[str, str]:
        """The reason for each document that is named and not filed yet."""
        return {name: self.missing.get(name, PENDING) for name in self.due}

    @property
    def complete(self) -> bool:
        """Whether the procedure is over and all its events and documents are filed."""
        return self.progress.outcome_notified and self._steps_here and self._nothing_due

    @property
    def _steps_here(self) -> bool:
        """Whether the steps that the outcome needs are filed.

        Topics are not ordered among each other.

        A request that was returned and then decided was corrected in between; its new documents
        belong here.
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


State = Unopened | DesignatedFile


_CONSUMED: Final[dict[str, type[Event]]] = {
    model.TYPE: model for topic in topics.PUBLIC for model in topics.EVENTS[topic]
}


def stream_of(request_id: str) -> str:
    """The stream of a request's file."""
    return f"request-{request_id}"


def evolve(state: State, event: BaseModel) -> State:
    """The file after `event`."""
    if isinstance(event, FileOpened):
        return DesignatedFile(event.request, event.file_number, event.volume)
    change = _CHANGES.get(type(event))
    if change and isinstance(state, DesignatedFile):
        return change(state, event)
    return state


def _with_event(state: DesignatedFile, event: EventFiled) -> DesignatedFile:
    if event.event_type == DISPOSED:
        return _disposed_of(state._replace(version=event.leaf_index), event.keys)
    changed: dict[str, Any] = {
        "version": max(state.version, event.leaf_index),
        "progress": state.progress.after(original(event), event.sequence),
    }
    if event.sequence:
        seen = state.sequences.get(event.source, frozenset()) | {event.sequence}
        changed["sequences"] = {**state.sequences, event.source: seen}
    if event.has_facts and event.sequence > state.request_sequence:
        changed |= {"request": event.request or state.request, "key": event.key}
        changed["request_sequence"] = event.sequence
    return state._replace(**changed)


def _disposed_of(state: DesignatedFile, keys: Collection[str]) -> DesignatedFile:
    """What was sealed under these keys is removed here too."""
    request = state.request
    if state.key in keys:
        request = request.model_copy(update={"applicant": NOBODY})
    folios = tuple(_emptied(one) if one.key in keys else one for one in state.folios)
    return state._replace(request=request, folios=folios)


NOBODY: Final = Applicant(account=GONE, name=GONE, email=GONE_EMAIL)
"""The applicant of a request whose data was disposed of."""


def _emptied(folio: FolioFiled) -> FolioFiled:
    gone = {"document_id": GONE_DOCUMENT, "filename": GONE, "media_type": GONE}
    return folio.model_copy(update=gone)


def _with_hold(state: DesignatedFile, event: HoldPlaced) -> DesignatedFile:
    return _held(state, (*state.holds, event))


def _without_hold(state: DesignatedFile, event: HoldReleased) -> DesignatedFile:
    return _held(state, tuple(one for one in state.holds if event.of not in (None, one.by)))


def _held(state: DesignatedFile, holds: tuple[HoldPlaced, ...]) -> DesignatedFile:
    return state._replace(hold=holds[0] if holds else None, further_holds=holds[1:])


def _with_folio(state: DesignatedFile, event: FolioFiled) -> DesignatedFile:
    return state._replace(
        volume=event.volume,
        due=_without(state.due, event.document_id),
        missing=_without(state.missing, event.document_id),
        folios=(*state.folios, event),
    )


def _with_due(state: DesignatedFile, event: FolioDue) -> DesignatedFile:
    return state._replace(due={**state.due, event.document_id: event})


def _with_missing(state: DesignatedFile, event: FolioMissing) -> DesignatedFile:
    return state._replace(missing={**state.missing, event.document_id: event.reason})


def _filed(state: DesignatedFile, event: Filed) -> DesignatedFile:
    progress = state.progress.after(event, 0)
    return state._replace(filed_at=event.filed_at, filed_version=state.version, progress=progress)


def original(filed: EventFiled) -> Event:
    """The event that was filed, as far as the procedure's progress depends on it.

    Its data is in the ledger and is not kept twice. This has its type, what a notice was about, and
    whether a correction was unsolicited.
    """
    return _original(filed.event_type, filed.about, filed.while_open)


@cache
def _original(event_type: str, about: str | None, while_open: bool) -> Event:  # noqa: FBT001  a cache's key
    return _CONSUMED[event_type].model_construct(about=about, while_open=while_open)


def _without(mapping: Mapping[str, T], key: str) -> dict[str, T]:
    return {name: value for name, value in mapping.items() if name != key}


_CHANGES: Final[Mapping[type[BaseModel], Callable[[DesignatedFile, Any], DesignatedFile]]] = {
    EventFiled: _with_event,
    FolioDue: _with_due,
    FolioFiled: _with_folio,
    FolioMissing: _with_missing,
    Filed: _filed,
    HoldPlaced: _with_hold,
    HoldReleased: _without_hold,
}
"""The events that change an open file. Reading does not."""
