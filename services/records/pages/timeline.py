"""What happened to a request, as a reader follows it from top to bottom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bmt.contracts.http.records import RecordedEvent
from services.records.by_hand import not_read_back
from services.records.pages.wording import ABOUT, EVENT

NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Where an event stands whose time cannot be read: last."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of a file.

    Attributes:
        index: its place in the file's chain: 1, 2, …
        at: when it happened.
        what: in Malay; of an event that nobody here knows, its name.
        about: of a notice, what it told.
        by: who did it, where somebody did.
        reason: what they wrote.
        leaf_hash: SHA-256 of the leaf, in hex.
        type: the event's, whole.
        disposed_of: the personal values are gone.
        not_read_back: of a configuration, the targets that an officer confirmed.
        retried_by: who had it tried again, where this is what came of that.
        retry_reason: why.
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


def timeline(events: Iterable[RecordedEvent]) -> list[Happening]:
    """The events as they happened; the chain has them as they were heard of, which topics may mix."""
    return sorted(map(_happening, events), key=lambda one: (one.at or NEVER, one.index))


def _happening(event: RecordedEvent) -> Happening:
    """The event as a reader sees it; what was tampered with may lack anything."""
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
