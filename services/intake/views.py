"""Read models: requests, the inbox, integrators' submissions, uploads, and what holds each document."""

from collections.abc import Callable
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, as_stored
from bmt.chassis.runtime import documents
from bmt.chassis.runtime.documents import Holder, Upload
from bmt.contracts import events
from bmt.contracts.http.approval import CHOICES, Decision
from bmt.contracts.http.intake import ApprovalBefore
from bmt.contracts.problems import is_empty
from bmt.contracts.topics import OF_GRANTS, FaultyField
from bmt.contracts.values import Document, Moment, NotShown, RequestWarning, Status, Submitter
from services.intake.domain.events import (
    Bounce,
    DocumentUploaded,
    InboxItemDismissed,
    InboxItemReceived,
    Missing,
    ScanOrigin,
    SubmissionAnswered,
)

StepTexts = tuple[str, str, str]
"""Step, by whom, detail."""


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True)


class StepTaken(_Stored):
    """One step; `rank` and `position` order steps of the same moment."""

    step: str
    at: Moment
    by: str
    detail: str
    rank: int
    position: int


def _received(event: events.RequestReceived) -> StepTexts:
    if event.corrected_by is not None and event.while_open:
        return "corrected", event.corrected_by.subject, event.correction_reason or ""
    named = f", {event.source_reference}" if event.source_reference else ""
    by = event.corrected_by or event.submitted_by
    return "received", by.subject, f"{event.request.channel}{named}"


def _approved(event: events.Approved) -> StepTexts:
    granted = event.approved
    sizes = (
        f"quota {granted.quota_bytes} bytes, largest file {granted.max_file_size_bytes} bytes"
        if granted.quota_bytes is not None
        else ""
    )
    return "approved", event.decided_by.name, event.reason or sizes


def _configuring(event: events.ConfigurationStarted) -> StepTexts:
    targets = dict.fromkeys(change.target for change in event.plan)
    return "configuring", "provisioning", ", ".join(targets)


def _configured(event: events.Configured) -> StepTexts:
    storage = event.effective.storage
    closed = f"storage closed, IPMS {'on' if event.effective.ipms.bmt_enabled else 'off'}"
    detail = f"quota {storage.quota_bytes} bytes" if storage.enabled else closed
    return "configured", event.configured_by.name, detail


def _notified(event: events.Notified) -> StepTexts:
    step = "acknowledged" if event.about == "acknowledgement" else "notified"
    by = event.handed_over_by.subject if event.handed_over_by else "notification"
    return step, by, f"{event.about} by {event.channel}"


def _filed(event: events.Filed) -> StepTexts:
    return "filed", "records", f"{event.file_number}, {event.folios} folios"


_STEPS_OF: Final[dict[type[BaseModel], Callable[[Any], StepTexts]]] = {
    events.RequestReceived: _received,
    events.ReviewOpened: lambda event: (
        "review_opened",
        "approval",
        f"due {event.due_at:%Y-%m-%d}",
    ),
    events.WithdrawalRequested: lambda event: (
        "withdrawal_requested",
        event.requested_by.subject,
        event.reason,
    ),
    events.ReturnedForCorrection: lambda event: ("returned", event.decided_by.name, event.reason),
    events.Approved: _approved,
    events.Rejected: lambda event: ("rejected", event.decided_by.name, event.reason),
    events.Withdrawn: lambda event: ("withdrawn", event.requested_by.subject, event.reason),
    events.ConfigurationStarted: _configuring,
    events.AwaitingOperator: lambda event: ("awaiting_operator", "provisioning", event.target),
    events.ConfigurationFailed: lambda event: (
        "configuration_failed",
        "provisioning",
        f"{event.target}: {event.reason}",
    ),
    events.Configured: _configured,
    events.NotificationPrepared: lambda event: (
        "notification_prepared",
        "notification",
        f"{event.about} by {event.channel}",
    ),
    events.NotificationFailed: lambda event: (
        "notification_failed",
        "notification",
        event.reason or f"{event.about} by {event.channel}",
    ),
    events.Notified: _notified,
    events.Filed: _filed,
}

_RANK: Final = {event: rank for rank, event in enumerate(_STEPS_OF)}
"""The order of the procedure, which the table follows."""


OPEN: Final = frozenset((
    "received", "returned", "approved", "configuring", "awaiting_operator", "configuration_failed",
))  # fmt: skip
"""The statuses in which a request may still change what an account has."""


class RequestDocument(_Stored):
    """The status of a request, from the events of all services in any order.

    Attributes:
        agency: for searching, as are `account` (in lower case), `open_for` and `notices`.
        status: of the furthest step that is known.
        open_for: agency and account while it is open.
        warnings: of the last reception, as are the facts.
        approvals_before: the decision, where several must approve.
        notices: the Message-IDs of the e-mails about it.
    """

    facts: events.RequestFacts
    agency: str
    account: str
    received_at: Moment
    status: Status
    open_for: str | None
    warnings: tuple[RequestWarning, ...]
    steps: tuple[StepTaken, ...]
    progress: events.Progress
    decision: Decision | None
    granted: events.Granted | None = None
    approvals_before: tuple[ApprovalBefore, ...] = Field(default=(), exclude_if=is_empty)
    notices: tuple[str, ...] = ()


class InboxDocument(_Stored):
    """An item that waits in an agency's inbox, or waited there; `handed_in_by` is a subject, None in old items."""

    inbox_item_id: str
    agency: str
    status: Literal["waiting", "registered", "dismissed", "set_aside"]
    received_at: Moment
    sender: str
    subject: str
    documents: tuple[Document, ...]
    understood: dict[str, str]
    missing: tuple[Missing, ...]
    bounce: Bounce | None = None
    scan: ScanOrigin | None = None
    not_shown: tuple[NotShown, ...] = ()
    handed_in_by: str | None = None
    settled_by: str | None = None
    settled_at: Moment | None = None
    reason: str | None = None
    reason_code: str | None = None


def open_for(agency: str, account: str) -> str:
    """The search key of open requests for this account at this agency."""
    return f"{agency}/{account.casefold()}"


_NOTHING_KNOWN: Final[Body] = {
    "progress": {},
    "warnings": [],
    "steps": [],
    "decision": None,
    "notices": [],
}


def fold_request(document: Body | None, incoming: IncomingEvent[Any]) -> Body:
    event: events.RequestEvent = incoming.data
    known = document or _NOTHING_KNOWN
    # The facts of the last reception count; the own stream delivers receptions in order.
    facts = (
        document["facts"]
        if document and not isinstance(event, events.RequestReceived)
        else event.request.model_dump()
    )
    before = events.Progress.model_validate(known["progress"])
    progress = before.after(event, incoming.position)
    account = facts["applicant"]["account"].casefold()
    is_open = progress.status in OPEN
    warnings = known["warnings"]
    # Before the reception is known, approval repeats its warnings.
    if isinstance(event, events.RequestReceived) or (
        isinstance(event, events.ReviewOpened) and not before.received
    ):
        warnings = list(event.warnings)
    return {
        "facts": facts,
        "agency": facts["agency"],
        "account": account,
        "received_at": facts["received_at"],
        "status": progress.status,
        "open_for": open_for(facts["agency"], account) if is_open else None,
        "warnings": warnings,
        "steps": _steps(known["steps"], incoming),
        "progress": progress.model_dump(),
        "decision": _decision(event, incoming.position) or known["decision"],
        "granted": (
            event.approved.model_dump()
            if isinstance(event, events.Approved)
            else known.get("granted")
        ),
        "notices": _notices(known["notices"], event),
        **_approvals_before(known, event),
    }


def _steps(known: list[Body], incoming: IncomingEvent[Any]) -> list[Body]:
    kind = type(incoming.data)
    if kind not in _STEPS_OF:
        return known
    step, by, detail = _STEPS_OF[kind](incoming.data)
    taken = {
        "step": step,
        "at": incoming.time,
        "by": by,
        "detail": detail,
        "rank": _RANK[kind],
        "position": incoming.position,
    }
    return sorted([*known, taken], key=itemgetter("at", "rank", "position"))


def _notices(known: list[str], event: events.RequestEvent) -> list[str]:
    if isinstance(event, events.NotificationPrepared) and event.message_id is not None:
        return sorted({*known, event.message_id})
    return known


def _decision(event: events.RequestEvent, version: int) -> Body | None:
    if not isinstance(event, events.Approved | events.Rejected):
        return None
    return {
        "decision": CHOICES[event.TYPE],
        "decided_by": event.decided_by.model_dump(),
        "decided_at": event.decided_at,
        "reason": event.reason,
        "version": version,
    }


def _approvals_before(known: Body, event: events.RequestEvent) -> Body:
    before = known.get("approvals_before")
    if isinstance(event, events.Approved):
        before = [
            {"by": one.endorsed_by.model_dump(), "at": one.endorsed_at}
            for one in event.endorsements
        ]
    return {"approvals_before": before} if before else {}


def _request_key(incoming: IncomingEvent[Any]) -> str | None:
    """What is asked about a grant comes when the request was filed, and perhaps pruned, long ago."""
    event = incoming.data
    shown = isinstance(event, events.RequestEvent) and not isinstance(event, OF_GRANTS)
    return incoming.subject if shown else None


def fold_inbox(item: Body | None, incoming: IncomingEvent[Any]) -> Body | None:
    """The inbox item after `incoming`; None for a request that never was in the inbox."""
    match incoming.data:
        case InboxItemReceived() as event:
            return _waiting(event, incoming.subject)
        case InboxItemDismissed() as event if item:
            return _settled(item, incoming, event.dismissed_by, "dismissed", event.reason)
        case events.RequestReceived() as event if item and item["status"] in (
            "waiting",
            "set_aside",
        ):
            return _settled(item, incoming, event.submitted_by, "registered")
        case _:
            return item


def _waiting(event: InboxItemReceived, inbox_item_id: str) -> Body:
    mail = event.mail
    return {
        "inbox_item_id": inbox_item_id,
        "agency": event.agency,
        "status": "waiting" if event.set_aside is None else "set_aside",
        "received_at": event.received_at,
        "sender": mail.sender,
        "subject": mail.subject,
        "documents": as_stored(mail.documents),
        "understood": mail.understood,
        "missing": as_stored(mail.missing),
        "bounce": as_stored(event.bounce),
        "scan": as_stored(event.scan),
        "not_shown": as_stored(mail.not_shown),
        "handed_in_by": event.submitted_by.subject,
        "settled_by": None,
        "settled_at": None,
        "reason": event.set_aside,
        "reason_code": event.set_aside_code,
    }


def _settled(
    item: Body, incoming: IncomingEvent[Any], by: Submitter, status: str, reason: str | None = None
) -> Body:
    return {
        **item,
        "status": status,
        "settled_by": by.subject,
        "settled_at": incoming.time,
        "reason": reason,
        "reason_code": None,
    }


def _inbox_key(incoming: IncomingEvent[Any]) -> str | None:
    """A request that begins its stream was never in the inbox."""
    of_item = isinstance(incoming.data, InboxItemReceived | InboxItemDismissed)
    later = isinstance(incoming.data, events.RequestReceived) and incoming.position > 1
    return incoming.subject if of_item or later else None


def _upload_key(incoming: IncomingEvent[Any]) -> str | None:
    return incoming.subject if isinstance(incoming.data, DocumentUploaded) else None


def fold_holder(holder: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """The documents of a request or an inbox item: a correction adds, and removes none.

    The scan that a paper was taken from holds papers of others, so the applicant may not read it.
    """
    event = incoming.data
    own: list[str] = []
    if isinstance(event, events.RequestReceived):
        agency, named = event.request.agency, event.documents
        account = event.request.applicant.account.casefold()
        before_ids = holder["account_document_ids"] if holder else []
        own = list(dict.fromkeys([*before_ids, *(one.document_id for one in named)]))
    else:
        agency, account, named = event.agency, None, event.mail.documents
        named = (*named, *([event.scan.batch] if event.scan else ()))
    before = holder["documents"] if holder else []
    documents = {one["document_id"]: one for one in [*before, *as_stored(named)]}
    return {
        "agency": agency,
        "account": account,
        "documents": list(documents.values()),
        "document_ids": list(documents),
        "account_document_ids": own,
    }


def _holder_key(incoming: IncomingEvent[Any]) -> str | None:
    """A request without documents holds none."""
    event = incoming.data
    holds = isinstance(event, InboxItemReceived) or (
        isinstance(event, events.RequestReceived) and event.documents
    )
    return incoming.subject if holds else None


REQUESTS: Final = View(
    name="requests",
    model=RequestDocument,
    fold=fold_request,
    key=_request_key,
    indexes=(
        ("received_at", "_id"),
        ("status", "received_at", "_id"),
        ("agency", "received_at", "_id"),
        ("agency", "status", "received_at", "_id"),
        ("account", "received_at", "_id"),
        ("open_for", "_id"),
        ("facts.reference", "_id"),
        ("facts.applicant.email", "_id"),
        ("facts.directory_email", "_id"),
        ("notices", "_id"),
    ),
)
INBOX: Final = View(
    name="inbox",
    model=InboxDocument,
    fold=fold_inbox,
    key=_inbox_key,
    indexes=(("agency", "status", "received_at", "_id"), ("agency", "status", "sender", "_id")),
)
UPLOADS: Final = View(
    name=documents.UPLOADS,
    model=Upload,
    fold=lambda _, incoming: as_stored(incoming.data),
    key=_upload_key,
    indexes=documents.UPLOAD_INDEXES,
)
HOLDERS: Final = View(
    name=documents.HOLDERS,
    model=Holder,
    fold=fold_holder,
    key=_holder_key,
    indexes=documents.HOLDER_INDEXES,
)


class SubmissionDocument(_Stored):
    """One submission, identified by source and id.

    Attributes:
        key: the document's key, for lists.
        received_at: when it was accepted; before that, when it was last refused.
        refused_at: when it was last refused; None: it was accepted.
    """

    key: str
    integrator: str
    submission_id: str
    source_reference: str | None
    received_at: Moment
    refused_at: Moment | None
    request_id: str | None
    reference: str | None
    status: Status | None
    reason: str | None
    detail: str | None
    errors: tuple[FaultyField, ...]


def fold_submission(document: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """An acceptance stays, whatever else has its id; of several refusals the last counts."""
    event: SubmissionAnswered = incoming.data
    if event.request_id is None and document is not None:
        refused_before = document["refused_at"]
        if refused_before is None or refused_before >= event.answered_at:
            return document
    return {
        "key": _submission_name(event),
        "integrator": event.integrator,
        "submission_id": event.submission_id,
        "source_reference": event.source_reference,
        "received_at": event.answered_at,
        "refused_at": event.answered_at if event.request_id is None else None,
        "request_id": event.request_id,
        "reference": event.reference,
        "status": event.progress.status if event.progress else None,
        "reason": event.reason,
        "detail": event.detail,
        "errors": as_stored(event.errors),
    }


def _submission_key(incoming: IncomingEvent[Any]) -> str | None:
    return (
        _submission_name(incoming.data) if isinstance(incoming.data, SubmissionAnswered) else None
    )


def _submission_name(event: SubmissionAnswered) -> str:
    named = (event.integrator, event.source, event.submission_id)
    return sha256("\0".join(named).encode()).hexdigest()[:40]


SUBMISSIONS: Final = View(
    name="submissions",
    model=SubmissionDocument,
    fold=fold_submission,
    key=_submission_key,
    indexes=(
        ("integrator", "received_at", "_id"),
        ("integrator", "source_reference", "received_at", "_id"),
        ("integrator", "submission_id", "_id"),
        ("request_id", "_id"),
        ("refused_at", "_id"),
    ),
)
