"""What intake answers: to commands from their commit alone, so that a replay says the same."""

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
from services.intake.domain.commands import Known
from services.intake.views import InboxDocument, RequestDocument


def was_registered(commit: Commit) -> bool:
    """Whether what came in became a request at once."""
    return commit.events[0].type == RequestReceived.TYPE


def request_accepted(executed: Executed) -> JsonResponse:
    """The answer to a request that was received: a `RequestAccepted`, of what is JSON already."""
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
    """A request and what happened to it."""
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
    """What the other services said of a request so far."""
    if document is None:
        return Known("received")
    return Known(document.status, document.progress.returned, document.decision)


def inbox_item(document: InboxDocument) -> InboxItem:
    """An item of the inbox, in a list."""
    return InboxItem.model_validate(_shown(document, InboxItem))


def inbox_item_in_full(document: InboxDocument) -> InboxItemInFull:
    """An item of the inbox, with what was understood of it."""
    return InboxItemInFull.model_validate(_shown(document, InboxItemInFull))


def _shown(document: InboxDocument, model: type[InboxItem]) -> dict[str, object]:
    shown = document.model_dump(include=set(model.model_fields))
    shown["document_id"] = document.documents[0].document_id
    if document.scan is None:
        return shown
    # Papers that were scanned before this was told apart name who scanned them as their sender.
    by = document.handed_in_by or document.sender
    return {**shown, "sender": "", "handed_in_by": by}
