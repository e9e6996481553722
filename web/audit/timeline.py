"""What happened to a request, from first to last, as its file records it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from bmt.contracts.events import not_read_back
from bmt.contracts.http.records import Hold, MissingDocument, RecordFolio, RecordState
from bmt.contracts.values import GONE
from web.audit.wording import ABOUT, EVENT
from web.steps import PastStep

_STEP_OF: Final[Mapping[str, str]] = {
    "RequestReceived": "received",
    "WithdrawalRequested": "withdrawal_requested",
    "ReturnedForCorrection": "returned",
    "Approved": "approved",
    "Rejected": "rejected",
    "Withdrawn": "withdrawn",
    "ConfigurationStarted": "configuring",
    "AwaitingOperator": "awaiting_operator",
    "Configured": "configured",
    "ConfigurationFailed": "configuration_failed",
    "NotificationPrepared": "notification_prepared",
    "NotificationFailed": "notification_failed",
    "Notified": "notified",
}
"""The events that are steps, without their versions."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Sorts an event whose time cannot be read last."""


class FiledEvent(BaseModel):
    """An event of a file. If it was tampered with, any field may be missing or wrong."""

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
        by: a name; None: nobody did it, or the file knows the account alone.
        reason: the person's own words.
        leaf_hash: SHA-256 of the leaf, in hex.
        type: the event's full type.
        disposed_of: the personal values are gone.
        not_read_back: the targets of a configuration that an officer confirmed by hand.
        retried_by: who asked for the retry that led to this event.
        quota_bytes: what was granted.
        warnings: those that the request had when its review was opened.
        endorsements: the approvals before the last.
    """

    index: int
    at: datetime | None
    what: str
    about: str | None
    by: str | None
    by_account: str | None
    by_role: str | None
    reason: str | None
    leaf_hash: str
    type: str
    disposed_of: bool
    not_read_back: tuple[str, ...] = ()
    retried_by: str | None = None
    retry_reason: str | None = None
    quota_bytes: int | None = None
    max_file_size_bytes: int | None = None
    exception_reason: str | None = None
    on_behalf_of: str | None = None
    warnings: tuple[str, ...] = ()
    endorsements: tuple["EarlierApproval", ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierApproval:
    """One of several approvals, before the last. Any of it may be missing."""

    by: str | None
    at: datetime | None
    quota_bytes: int | None
    reason: str | None
    exception_reason: str | None
    on_behalf_of: str | None


def timeline(events: Sequence[FiledEvent]) -> list[Happening]:
    """The events in the order in which they happened. The chain has the order of arrival."""
    names = _names_of(events)
    happenings = (_happening(event, names) for event in events)
    return sorted(happenings, key=lambda one: (one.at or NEVER, one.index))


def warnings_of(happenings: Sequence[Happening]) -> tuple[str, ...]:
    """The warnings of the latest review, which its decision had to take into account."""
    opened = [one for one in happenings if one.type.endswith(".ReviewOpened.v1")]
    return opened[-1].warnings if opened else ()


def _names_of(events: Sequence[FiledEvent]) -> Mapping[str, str]:
    """The names in a file, by account in lower case; there are none after disposal."""
    names = {}
    for account, name in (pair for event in events for pair in _people(event.data)):
        if GONE not in (account, name):
            names[account.casefold()] = name
    return names


def _people(value: object) -> Iterator[tuple[str, str]]:
    """Each account with its name, wherever an event has both."""
    if isinstance(value, Mapping):
        account, name = value.get("subject") or value.get("account"), value.get("name")
        if isinstance(account, str) and isinstance(name, str):
            yield account, name
        value = list(value.values())
    for one in _list(value):
        yield from _people(one)


def history(file: File) -> list[PastStep]:
    steps, names = [], _names_of(file.events)
    for event in file.events:
        data = event.data if isinstance(event.data, Mapping) else {}
        step, at = _STEP_OF.get(_event_name(event)), _moment(event.time)
        if step and at and data.get("about") != "acknowledgement" and not data.get("corrected_by"):
            by = _name(_person_of(data), names)
            steps.append(PastStep(step, at, None if by == GONE else by))
    if file.state.filed_at:
        steps.append(PastStep("filed", file.state.filed_at))
    return sorted(steps, key=lambda one: one.at)


def _event_name(event: FiledEvent) -> str:
    return str(event.type).removesuffix(".v1").rpartition(".")[2]


def _happening(event: FiledEvent, names: Mapping[str, str]) -> Happening:
    """The event as the page shows it. Any field may be missing if the event was tampered with."""
    data = event.data if isinstance(event.data, Mapping) else {}
    name = _event_name(event)
    name = "RequestCorrected" if data.get("corrected_by") else name
    reason = data.get("reason") or data.get("correction_reason")
    who, retry = _person_of(data), data.get("retry")
    retry = retry if isinstance(retry, Mapping) else {}
    return Happening(
        index=event.index,
        at=_moment(event.time),
        what=EVENT.get(name, name),
        about=ABOUT.get(str(data.get("about"))),
        by=_name(who, names),
        by_account=_text(who.get("subject")),
        by_role=_text(who.get("role")),
        reason=_text(reason),
        leaf_hash=event.hash,
        type=str(event.type),
        disposed_of=event.disposed_of,
        not_read_back=not_read_back(data),
        retried_by=_name(retry.get("by"), names),
        retry_reason=_text(retry.get("reason")),
        **_granted(data.get("approved")),
        exception_reason=_text(data.get("exception_reason")),
        on_behalf_of=_text(data.get("on_behalf_of")),
        warnings=_warnings(data) if name == "ReviewOpened" else (),
        endorsements=tuple(_approval(one, names) for one in _list(data.get("endorsements"))),
    )


def _warnings(data: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(one for one in _list(data.get("warnings")) if isinstance(one, str))


def _approval(endorsement: object, names: Mapping[str, str]) -> EarlierApproval:
    data = endorsement if isinstance(endorsement, Mapping) else {}
    return EarlierApproval(
        by=_name(data.get("endorsed_by"), names),
        at=_moment(data.get("endorsed_at")),
        quota_bytes=_granted(data.get("approved"))["quota_bytes"],
        reason=_text(data.get("reason")),
        exception_reason=_text(data.get("exception_reason")),
        on_behalf_of=_text(data.get("on_behalf_of")),
    )


def _granted(approved: object) -> dict[str, int | None]:
    data = approved if isinstance(approved, Mapping) else {}
    sizes = {name: data.get(name) for name in ("quota_bytes", "max_file_size_bytes")}
    return {name: size if type(size) is int else None for name, size in sizes.items()}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _person_of(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The person who did it; empty if the event names nobody."""
    roles = ("decided_by", "configured_by", "requested_by", "corrected_by", "submitted_by")
    for role in (*roles, "handed_over_by", "confirmed_by", "proposed_by"):
        if isinstance(person := data.get(role), Mapping) and person:
            return person
    return {}


def _name(who: object, names: Mapping[str, str]) -> str | None:
    """The person's name, or the system's; None: the file has only their account, or nobody."""
    if not isinstance(who, Mapping):
        return None
    account = str(who.get("subject") or "")
    name = who.get("name") or names.get(account.casefold())
    return str(name) if name else ("" if "@" in account else account) or None


def _moment(at: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
