"""What happened to a request, from first to last, as its file records it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.contracts.events import not_read_back
from bmt.contracts.http.records import Hold, MissingDocument, RecordFolio, RecordState
from web.audit.wording import ABOUT, EVENT

NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Sorts an event whose time cannot be read last."""


class FiledEvent(BaseModel):
    """An event of a file. Any of its own fields may be missing, or another's, where it was tampered with."""

    model_config = ConfigDict(frozen=True)

    index: int
    hash: str
    disposed_of: bool = False
    type: Any = None
    time: Any = None
    data: Any = None


class File(BaseModel):
    """What the page of a file shows of the API's `Record`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    file_number: str
    volume: int
    version: int
    folios: tuple[RecordFolio, ...]
    missing: tuple[MissingDocument, ...]
    events: tuple[FiledEvent, ...]
    state: RecordState
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a file.

    Attributes:
        index: its place in the file's chain, from 1.
        what: the event in Malay; the bare name of an event that this version does not know.
        about: what a notice was about.
        reason: the person's own words.
        leaf_hash: SHA-256 of the leaf, in hex.
        type: the event's full type.
        disposed_of: the personal values are gone.
        not_read_back: the targets of a configuration that an officer confirmed by hand.
        retried_by: who asked for the retry that led to this event.
    """

    index: int
    at: datetime | None
    what: str
    about: str | None
    by: str | None
    reason: str | None
    leaf_hash: str
    type: str
    disposed_of: bool
    not_read_back: tuple[str, ...] = ()
    retried_by: str | None = None
    retry_reason: str | None = None


def timeline(events: Iterable[FiledEvent]) -> list[Happening]:
    """The events in the order in which they happened. The chain has the order of arrival."""
    return sorted(map(_happening, events), key=lambda one: (one.at or NEVER, one.index))


def _happening(event: FiledEvent) -> Happening:
    """The event as a reader sees it. Any field may be missing from an event that was tampered with."""
    data = event.data if isinstance(event.data, Mapping) else {}
    name = str(event.type).removesuffix(".v1").rpartition(".")[2]
    name = "RequestCorrected" if data.get("corrected_by") else name
    reason = data.get("reason") or data.get("correction_reason")
    retry = data.get("retry")
    retry = retry if isinstance(retry, Mapping) else {}
    return Happening(
        index=event.index,
        at=_moment(event.time),
        what=EVENT.get(name, name),
        about=ABOUT.get(str(data.get("about"))),
        by=_by(data),
        reason=reason if isinstance(reason, str) else None,
        leaf_hash=event.hash,
        type=str(event.type),
        disposed_of=event.disposed_of,
        not_read_back=not_read_back(data),
        retried_by=_name(retry.get("by")),
        retry_reason=retry["reason"] if isinstance(retry.get("reason"), str) else None,
    )


def _by(data: Mapping[str, Any]) -> str | None:
    for role in ("decided_by", "configured_by", "requested_by", "corrected_by", "submitted_by"):
        if name := _name(data.get(role)):
            return name
    return None


def _name(person: object) -> str | None:
    if not isinstance(person, Mapping):
        return None
    return str(person.get("name") or person.get("subject"))


def _moment(at: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
