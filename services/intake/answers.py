"""Responses of intake. A command's response is made of its commit alone, so a replay gives the same one."""

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.eventsourcing.execution import Executed
from bmt.chassis.http.idempotency import answer
from bmt.chassis.http.responses import JsonResponse
from bmt.contracts.events import RequestReceived
from bmt.contracts.http.intake import (
    InboxItem,
    InboxItemInFull,
    RequestStatus,
    Step,
)
from services.intake.domain.request import Known
from services.intake.views import InboxDocument, RequestDocument


def was_registered(commit: Commit) -> bool:
    """Whether a message became a request at once."""
    return commit.events[0].type == RequestReceived.TYPE


def request_accepted(executed: Executed) -> JsonResponse:
    """The response for a received request: a `RequestAccepted`."""
    facts = executed.commit.events[0].data["request"]
    accepted = {
        "request_id": facts["request_id"],
        "reference": facts["reference"],
        "status": "received",
        "received_at": facts["received_at"],
    }
    location = {"Location": f"/v1/requests/{facts['request_id']}"}
    return answer(executed, accepted, 201, location)


def request_status(document: RequestDocument) -> RequestStatus:
    """The status of a request, with its steps."""
    facts = document.facts
    steps = tuple(
        Step(step=step.step, at=step.at, by=step.by, detail=step.detail) for step in document.steps
    )
    return RequestStatus(
        request_id=facts.request_id,
        reference=facts.reference,
        kind=facts.kind,
        agency=facts.agency,
        applicant=facts.applicant,
        status=document.status,
        steps=steps,
        warnings=document.warnings,
    )


def known(document: RequestDocument | None) -> Known:
    """What the other services have published about a request so far."""
    if document is None:
        return Known("received")
    return Known(document.status, document.progress.returned, document.decision)


def inbox_item(document: InboxDocument) -> InboxItem:
    """An inbox item as a list shows it."""
    return InboxItem.model_validate(_shown(document, InboxItem))


def inbox_item_in_full(document: InboxDocument) -> InboxItemInFull:
    """An inbox item with all that was understood of it."""
    return InboxItemInFull.model_validate(_shown(document, InboxItemInFull))


def _shown(document: InboxDocument, model: type[InboxItem]) -> dict[str, object]:
    shown = document.model_dump(include=set(model.model_fields))
    shown["document_id"] = document.documents[0].document_id
    if document.scan is None:
        return shown
    # Old scanned papers name the person who scanned them as their sender.
    by = document.handed_in_by or document.sender
    return {**shown, "sender": "", "handed_in_by": by}
