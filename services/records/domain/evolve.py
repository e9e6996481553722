"""How the file changes with each event."""

from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel

from bmt.contracts import topics
from bmt.contracts.events import Event, Filed
from bmt.contracts.values import Applicant
from bmt.verify_record import DISPOSED
from services.records.domain import disposals
from services.records.domain.disposals import GONE, GONE_DOCUMENT, GONE_EMAIL
from services.records.domain.events import (
    EventFiled,
    FileOpened,
    FolioDue,
    FolioFiled,
    FolioMissing,
    HoldPlaced,
    HoldReleased,
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
    if change and isinstance(state, DesignatedFile):
        return change(state, event)
    return cast("State", disposals.evolve(state, event))


def _with_event(state: DesignatedFile, event: EventFiled) -> DesignatedFile:
    if event.event_type == DISPOSED:
        return _disposed_of(state._replace(version=event.leaf_index), event.keys)
    changed: dict[str, Any] = {
        "version": max(state.version, event.leaf_index),
        "progress": state.progress.after(said(event), event.sequence),
    }
    if event.sequence:
        seen = state.sequences.get(event.source, frozenset()) | {event.sequence}
        changed["sequences"] = {**state.sequences, event.source: seen}
    if event.tells_facts and event.sequence > state.request_sequence:
        changed |= {"request": event.request or state.request, "key": event.key}
        changed["request_sequence"] = event.sequence
    return state._replace(**changed)


def _disposed_of(state: DesignatedFile, keys: Collection[str]) -> DesignatedFile:
    """What was sealed under these keys is known no more, here either."""
    request = state.request
    if state.key in keys:
        request = request.model_copy(update={"applicant": NOBODY})
    folios = tuple(_emptied(one) if one.key in keys else one for one in state.folios)
    return state._replace(request=request, folios=folios)


NOBODY: Final = Applicant(account=GONE, name=GONE, email=GONE_EMAIL)
"""Whose a request was whose data was disposed of."""


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


def said(filed: EventFiled) -> Event:
    """The event that was filed, as far as the procedure's progress depends on it.

    Its data stands in the ledger and is not kept twice: what is left is its type and, of a notice,
    what it was about, and of a correction, whether anybody had asked for it.
    """
    return _said(filed.event_type, filed.about, filed.while_open)


@cache
def _said(event_type: str, about: str | None, while_open: bool) -> Event:  # noqa: FBT001  a cache's key
    return _HEARD[event_type].model_construct(about=about, while_open=while_open)


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
"""What changes an open file; reading it does not."""
