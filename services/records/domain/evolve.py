"""How the file changes with each event."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from bmt.contracts import topics
from bmt.contracts.events import Event, Filed
from services.records.domain.events import (
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
)
from services.records.domain.state import DesignatedFile, State

T = TypeVar("T")

_HEARD: Final[dict[str, type[Event]]] = {
    model.TYPE: model for topic in topics.PUBLIC for model in topics.EVENTS[topic]
}


def evolve(state: State, event: BaseModel) -> State:
    """The file after `event`."""
    if isinstance(event, FileOpened):
        return DesignatedFile(event.request, event.file_number, event.volume)
    change = _CHANGES.get(type(event))
    return change(state, event) if change and isinstance(state, DesignatedFile) else state


def _with_event(state: DesignatedFile, event: EventFiled) -> DesignatedFile:
    changed: dict[str, Any] = {
        "version": max(state.version, event.leaf_index),
        "progress": state.progress.after(said(event), event.sequence),
    }
    if event.sequence:
        seen = state.sequences.get(event.source, frozenset()) | {event.sequence}
        changed["sequences"] = {**state.sequences, event.source: seen}
    if event.request is not None and event.sequence > state.request_sequence:
        changed |= {"request": event.request, "request_sequence": event.sequence}
    return replace(state, **changed)


def _with_folio(state: DesignatedFile, event: FolioFiled) -> DesignatedFile:
    return replace(
        state,
        volume=event.volume,
        due=_without(state.due, event.document_id),
        missing=_without(state.missing, event.document_id),
        folios=(*state.folios, event),
    )


def _with_due(state: DesignatedFile, event: FolioDue) -> DesignatedFile:
    return replace(state, due={**state.due, event.document_id: event})


def _with_missing(state: DesignatedFile, event: FolioMissing) -> DesignatedFile:
    return replace(state, missing={**state.missing, event.document_id: event.reason})


def _filed(state: DesignatedFile, event: Filed) -> DesignatedFile:
    progress = state.progress.after(event, 0)
    return replace(state, filed_at=event.filed_at, filed_version=state.version, progress=progress)


def said(filed: EventFiled) -> Event:
    """The event that was filed, as far as the procedure's progress depends on it.

    Its data stands in the ledger and is not kept twice: what is left is its type and, of a notice,
    what it was about.
    """
    return _said(filed.event_type, filed.about)


@cache
def _said(event_type: str, about: str | None) -> Event:
    return _HEARD[event_type].model_construct(about=about)


def _without(mapping: Mapping[str, T], key: str) -> dict[str, T]:
    return {name: value for name, value in mapping.items() if name != key}


_CHANGES: Final[Mapping[type[BaseModel], Callable[[DesignatedFile, Any], DesignatedFile]]] = {
    EventFiled: _with_event,
    FolioDue: _with_due,
    FolioFiled: _with_folio,
    FolioMissing: _with_missing,
    Filed: _filed,
}
"""What changes an open file; reading it does not."""
