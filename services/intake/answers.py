"""What intake answers: to commands from their commit alone, so that a replay says the same."""

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.contracts.events import RequestReceived
from bmt.contracts.http.intake import (
    DocumentStored,
    InboxItem,
    InboxItemAccepted,
    InboxItemDismissed,
    InboxItemInFull,
    RequestStatus,
    ScanAccepted,
    Step,
    WithdrawalAccepted,
)
from bmt.contracts.values import Document
from services.intake.domain.commands import Known
from services.intake.views import InboxDocument, RequestDocument


def document_stored(commit: Commit) -> DocumentStored:
    """The answer to an upload."""
    return DocumentStored(**commit.events[0].data["document"])


def was_registered(commit: Commit) -> bool:
    """Whether what came in became a request at once."""
    return commit.events[0].type == RequestReceived.TYPE


def request_accepted(commit: Commit) -> dict[str, str]:
    """The answer to a request that was received: a `RequestAccepted`, of what is JSON already."""
    facts = commit.events[0].data["request"]
    return {
        "request_id": facts["request_id"],
        "reference": facts["reference"],
        "status": "received",
        "received_at": facts["received_at"],
    }


def location(commit: Commit) -> dict[str, str]:
    """Where the request that was received is told of."""
    return {"Location": f"/v1/requests/{commit.subject}"}


def inbox_item_accepted(commit: Commit) -> InboxItemAccepted:
    """The answer to a message that a person must read."""
    return InboxItemAccepted(inbox_item_id=commit.subject)


def scan_accepted(commit: Commit) -> ScanAccepted:
    """The answer to a scan."""
    scan = commit.events[0].data
    items = tuple(paper["inbox_item_id"] for paper in scan["papers"])
    return ScanAccepted(inbox_items=items, pages=scan["page_count"])


def inbox_item_dismissed(commit: Commit) -> InboxItemDismissed:
    """The answer to a dismissal."""
    return InboxItemDismissed(inbox_item_id=commit.subject)


def withdrawal_accepted(commit: Commit) -> WithdrawalAccepted:
    """The answer to a withdrawal."""
    return WithdrawalAccepted(request_id=commit.subject)


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
    return InboxItem(document_id=_whole(document).document_id, **_shown(document, InboxItem))


def inbox_item_in_full(document: InboxDocument) -> InboxItemInFull:
    """An item of the inbox, with what was understood of it."""
    return InboxItemInFull(
        document_id=_whole(document).document_id, **_shown(document, InboxItemInFull)
    )


def _whole(document: InboxDocument) -> Document:
    return document.documents[0]


def _shown(document: InboxDocument, model: type[InboxItem]) -> dict[str, object]:
    shown = document.model_dump(include=set(model.model_fields))
    if document.scan is None:
        return shown
    # Papers that were scanned before this was told apart name who scanned them as their sender.
    by = document.handed_in_by or document.sender
    return {**shown, "sender": "", "handed_in_by": by}
