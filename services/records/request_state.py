"""What was so of a request, folded from the events of its file."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from bmt.chassis.eventsourcing.vocabulary import Vocabulary
from bmt.contracts import topics
from bmt.contracts.envelope import MalformedEvent
from bmt.contracts.events import (
    Approved,
    Configured,
    Event,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    Rejected,
    RequestEvent,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.http.records import DecisionTaken, Notice, RecordState
from bmt.contracts.progress import Progress
from bmt.contracts.requests import RequestFacts

_HEARD: Final = Vocabulary(model for topic in topics.PUBLIC for model in topics.EVENTS[topic])

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

Told = tuple[RequestEvent, datetime]
"""An event and when it happened."""


def state_of(
    request: RequestFacts, events: Iterable[Mapping[str, Any]], filed_at: datetime | None
) -> RecordState:
    """The state after `events`, each a CloudEvent as the ledger keeps it, in any order.

    Args:
        request: the facts, where no RequestReceived tells them.
        events: of one request.
        filed_at: when the file was complete, if it was.
    """
    progress = Progress(filed=filed_at is not None)
    facts: dict[str, Any] = {**request.model_dump(exclude={"request_id"}), "filed_at": filed_at}
    notices: dict[Any, Notice] = {}
    # Within a source its sequence is the order; what two sources tell is never the same fact.
    for event in sorted(events, key=_sequence):
        if (told := _read(event)) is None:
            continue
        progress = progress.after(told[0], _sequence(event))
        facts |= _facts(told)
        notices |= _notice(told)
    return RecordState(status=progress.status, notices=tuple(notices.values()), **facts)


def facts_of(events: Iterable[Mapping[str, Any]]) -> RequestFacts | None:
    """The facts that the first event of these tells which can be read; None: none can."""
    told = (told for event in events if (told := _read(event)) is not None)
    return next((event.request for event, _ in told), None)


def _sequence(event: Mapping[str, Any]) -> int:
    return int(event.get("sequence") or 0)


def _read(event: Mapping[str, Any]) -> Told | None:
    """The event, or None where somebody changed it so that it cannot be read any more."""
    try:
        data = _HEARD.decode(event["type"], event["data"])
    except MalformedEvent:
        return None
    return (data, datetime.fromisoformat(event["time"])) if isinstance(data, RequestEvent) else None


def _facts(told: Told) -> dict[str, Any]:
    event, _ = told
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
    told = event.model_dump(exclude={"request"})
    return {"decision": DecisionTaken(decision=_DECISIONS[type(event)], **told)}


def _configured(event: Configured) -> dict[str, Any]:
    return {
        "configured_by": event.configured_by,
        "configured_at": event.configured_at,
        "effective": event.effective,
        "not_read_back": tuple(
            dict.fromkeys(one.target for one in event.evidence if not one.was_read_back)
        ),
    }


def _notice(told: Told) -> dict[Any, Notice]:
    event, at = told
    status = _NOTICES.get(type(event))
    if status is None:
        return {}
    said = event.model_dump(exclude={"request"})
    notice = Notice(status=status, at=at, **said)
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
"""What each event tells of the request, beside its progress."""
