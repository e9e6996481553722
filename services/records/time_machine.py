"""A file as it was at a moment or a version, rebuilt from its events up to then alone; and such moments in queries."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.chassis.http.routes import DATE, within_reach
from bmt.contracts import topics
from bmt.contracts.envelope import MalformedEvent, rfc3339
from bmt.contracts.events import (
    Approved,
    Configured,
    Event,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    Progress,
    Rejected,
    RequestEvent,
    RequestFacts,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.faults import wrong
from bmt.contracts.http.records import (
    DecisionTaken,
    Hold,
    MissingDocument,
    Notice,
    Record,
    RecordedEvent,
    RecordFolio,
    RecordState,
)
from services.records.domain.designated_file import DesignatedFile
from services.records.domain.errors import RecordNotFound
from services.records.domain.events import FolioFiled
from services.records.ledger.leaf import OpenLeaf


def _written_as_day(day: object) -> object:
    """As of a `QueryTime`, of a day."""
    if isinstance(day, str) and not DATE.match(day):
        raise wrong("not_a_day")
    return day


Day = Annotated[date, BeforeValidator(_written_as_day), AfterValidator(within_reach)]


def midnight(day: date) -> datetime:
    """The start of a day in Malaysia."""
    return datetime.combine(day, time(), MALAYSIA)


def begins(moment: datetime | date | None) -> datetime | None:
    """The moment itself; for a day, its start in Malaysia."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return midnight(moment)


def ends(moment: datetime | date | None) -> datetime | None:
    """The first moment that is too late. Times are kept in whole milliseconds."""
    if moment is None:
        return None
    if isinstance(moment, datetime):
        return moment + timedelta(milliseconds=1)
    return midnight(moment + timedelta(days=1))


_CONSUMED: Final = Vocabulary(model for topic in topics.PUBLIC for model in topics.EVENTS[topic])

_DECISIONS: Final[Mapping[type[Event], str]] = {
    Approved: "approved",
    Rejected: "rejected",
    ReturnedForCorrection: "returned",
    Withdrawn: "withdrawn",
}
_NOTICES: Final[Mapping[type[Event], str]] = {
    NotificationPrepared: "prepared",
    Notified: "notified",
    NotificationFailed: "failed",
}

Happened = tuple[RequestEvent, datetime]
"""An event, and when it happened."""


def state_of(
    request: RequestFacts, events: Iterable[Mapping[str, Any]], filed_at: datetime | None
) -> RecordState:
    """The state after `events`, each a CloudEvent as in the ledger, in any order.

    Args:
        request: the facts, for when no RequestReceived has them.
        events: of one request.
        filed_at: when the file was complete, if it was.
    """
    progress = Progress(filed=filed_at is not None)
    facts: dict[str, Any] = {**request.model_dump(exclude={"request_id"}), "filed_at": filed_at}
    notices: dict[Any, Notice] = {}
    # The sequence orders the events of one source. Two sources never state the same fact.
    for event in sorted(events, key=_sequence):
        if (happened := _read(event)) is None:
            continue
        progress = progress.after(happened[0], _sequence(event))
        facts |= _facts(happened)
        notices |= _notice(happened)
    return RecordState(status=progress.status, notices=tuple(notices.values()), **facts)


def facts_of(events: Iterable[Mapping[str, Any]]) -> RequestFacts | None:
    """The facts in the first readable event. None: no event can be read."""
    readable = (found for event in events if (found := _read(event)) is not None)
    return next((event.request for event, _ in readable), None)


def _sequence(event: Mapping[str, Any]) -> int:
    try:
        return int(event.get("sequence") or 0)
    except (TypeError, ValueError):
        return 0


def _read(event: Mapping[str, Any]) -> Happened | None:
    """The event, or None if it was changed so that it cannot be decoded."""
    try:
        data = _CONSUMED.decode(event["type"], event["data"])
        at = datetime.fromisoformat(event["time"])
    except (MalformedEvent, KeyError, TypeError, ValueError):
        return None
    return (data, at) if isinstance(data, RequestEvent) else None


def _facts(happened: Happened) -> dict[str, Any]:
    event, _ = happened
    find: Callable[[Any], dict[str, Any]] | None = _FACTS.get(type(event))
    return find(event) if find else {}


def _received(event: RequestReceived) -> dict[str, Any]:
    return {
        **event.request.model_dump(exclude={"request_id"}),
        "submitted_by": event.submitted_by,
        "justification": event.justification,
        "warnings": event.warnings,
    }


def _reviewed(event: ReviewOpened) -> dict[str, Any]:
    return {"due_at": event.due_at}


def _decided(event: RequestEvent) -> dict[str, Any]:
    details = event.model_dump(exclude={"request"})
    return {"decision": DecisionTaken(decision=_DECISIONS[type(event)], **details)}


def _configured(event: Configured) -> dict[str, Any]:
    return {
        "configured_by": event.configured_by,
        "configured_at": event.configured_at,
        "effective": event.effective,
        "not_read_back": tuple(
            dict.fromkeys(one.target for one in event.evidence if not one.was_read_back)
        ),
    }


def _notice(happened: Happened) -> dict[Any, Notice]:
    event, at = happened
    status = _NOTICES.get(type(event))
    if status is None:
        return {}
    details = event.model_dump(exclude={"request"})
    notice = Notice(status=status, at=at, **details)
    return {(notice.about, notice.message_id, notice.document_id): notice}


_FACTS: Final[Mapping[type[Event], Callable[[Any], dict[str, Any]]]] = {
    RequestReceived: _received,
    ReviewOpened: _reviewed,
    Approved: _decided,
    Rejected: _decided,
    ReturnedForCorrection: _decided,
    Withdrawn: _decided,
    Configured: _configured,
}
"""What each event states about the request, apart from its progress."""


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
    """The documents that are named but not filed, with the reasons."""
    return tuple(
        MissingDocument(document_id=name, reason=reason) for name, reason in unfiled.items()
    )


def _folios(
    folios: Iterable[FolioFiled], event_ids: set[str], until: Until
) -> Iterable[RecordFolio]:
    """The folios of the events shown that were filed by then."""
    for folio in folios:
        if folio.event_id in event_ids and (until.at is None or folio.filed_at <= until.at):
            yield RecordFolio(**folio.model_dump(exclude={"key"}))


def _event(leaf: OpenLeaf) -> RecordedEvent:
    place = {name: value for name, value in leaf.leaf.content.items() if name in _PLACE}
    salts = {pointer: one.salt for pointer, one in (leaf.disclosures or {}).items()}
    shown: dict[str, Any] = {"hash": leaf.leaf.hash, "disposed_of": leaf.closed, "salts": salts}
    # Shown as stored, without validation: finding faults is the task of the verification.
    return RecordedEvent.model_construct(**shown, **place, **leaf.event)


def _state(file: DesignatedFile, shown: Sequence[OpenLeaf], until: Until) -> RecordState:
    return state_of(file.request, [leaf.event for leaf in shown], until.filed_at(file))
