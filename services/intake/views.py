"""Read models: where each request stands, the inbox, who uploaded which document and what holds it."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from bmt.chassis.eventsourcing.decider import Heard
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, as_stored
from bmt.chassis.runtime import document_rights
from bmt.chassis.runtime.document_rights import Holder, Upload
from bmt.contracts.events import (
    Approved,
    NotificationPrepared,
    Rejected,
    RequestEvent,
    RequestReceived,
    ReviewOpened,
)
from bmt.contracts.http.approval import CHOICES, Decision
from bmt.contracts.progress import Progress
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Document, Moment, NotShown, RequestWarning, Status, Submitter
from services.intake.domain.events import (
    Bounce,
    DocumentUploaded,
    InboxItemDismissed,
    InboxItemReceived,
    Missing,
    ScanOrigin,
)
from services.intake.steps import StepTaken, place, step_of

OPEN: Final = frozenset(
    {
        "received",
        "returned",
        "approved",
        "configuring",
        "awaiting_operator",
        "configuration_failed",
    }
)
"""Where a request still may change what an account has."""


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)


class RequestDocument(_Document):
    """Where a request stands, from the events of all services in whatever order they come.

    Attributes:
        facts: as received last.
        agency: its code; for searching.
        account: of the applicant, in lower case; for searching.
        received_at: the first time; for sorting.
        status: the furthest step that is known.
        open_for: agency and account while it is open; for finding others like it.
        warnings: as received last.
        steps: in order.
        progress: what the status is told from.
        decision: the one that stands.
        notices: the Message-IDs of the e-mails that told of it; for searching.
    """

    facts: RequestFacts
    agency: str
    account: str
    received_at: Moment
    status: Status
    open_for: str | None
    warnings: tuple[RequestWarning, ...]
    steps: tuple[StepTaken, ...]
    progress: Progress
    decision: Decision | None
    notices: tuple[str, ...] = ()


class InboxDocument(_Document):
    """What waits in an agency's inbox, or waited there; `handed_in_by` is by subject, None: before it was kept."""

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


def fold_request(document: Body | None, heard: Heard[Any]) -> Body:
    """The request with `heard` known too."""
    event: RequestEvent = heard.data
    # Those of the last reception count; the own stream brings receptions in order.
    known = document is not None and not isinstance(event, RequestReceived)
    facts = document["facts"] if document and known else event.request.model_dump()
    account = facts["applicant"]["account"].casefold()
    progress = _progress(document).after(event, heard.position)
    status = progress.status
    return {
        "facts": facts,
        "agency": facts["agency"],
        "account": account,
        "received_at": facts["received_at"],
        "status": status,
        "open_for": open_for(facts["agency"], account) if status in OPEN else None,
        "warnings": _warnings(document, event),
        "steps": _steps(document, heard),
        "progress": progress.model_dump(),
        "decision": _decision(heard) or (document["decision"] if document else None),
        "notices": _notices(document, event),
    }


def _progress(document: Body | None) -> Progress:
    return Progress.model_validate(document["progress"]) if document else _BEGUN


_BEGUN: Final = Progress()


def _warnings(document: Body | None, event: RequestEvent) -> list[RequestWarning]:
    """Those of the last reception; until that is known, what approval repeats of them."""
    unknown = document is None or not document["progress"]["received"]
    if isinstance(event, RequestReceived) or (unknown and isinstance(event, ReviewOpened)):
        return list(event.warnings)
    return document["warnings"] if document else []


def _steps(document: Body | None, heard: Heard[Any]) -> list[Body]:
    known = document["steps"] if document else []
    step = step_of(heard)
    return sorted([*known, step], key=place) if step else known


def _notices(document: Body | None, event: RequestEvent) -> list[str]:
    known = document["notices"] if document else []
    if isinstance(event, NotificationPrepared) and event.message_id is not None:
        return sorted({*known, event.message_id})
    return known


def _decision(heard: Heard[Any]) -> Body | None:
    match heard.data:
        case Approved() | Rejected() as event:
            return {
                "decision": CHOICES[event.TYPE],
                "decided_by": event.decided_by.model_dump(),
                "decided_at": event.decided_at,
                "reason": event.reason,
                "version": heard.position,
            }
        case _:
            return None


def _request_key(heard: Heard[Any]) -> str | None:
    return heard.subject if isinstance(heard.data, RequestEvent) else None


def fold_inbox(item: Body | None, heard: Heard[Any]) -> Body | None:
    """The inbox item with `heard` known too; None for a request that never was in the inbox."""
    match heard.data:
        case InboxItemReceived() as event:
            return _waiting(event, heard.subject)
        case InboxItemDismissed() as event if item:
            return _settled(item, heard, event.dismissed_by, "dismissed", event.reason)
        case RequestReceived() as event if item and item["status"] in ("waiting", "set_aside"):
            return _settled(item, heard, event.submitted_by, "registered")
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
    item: Body, heard: Heard[Any], by: Submitter, status: str, reason: str | None = None
) -> Body:
    return {
        **item,
        "status": status,
        "settled_by": by.subject,
        "settled_at": heard.time,
        "reason": reason,
        "reason_code": None,
    }


def _inbox_key(heard: Heard[Any]) -> str | None:
    """A request that begins its stream was never in the inbox."""
    of_item = isinstance(heard.data, InboxItemReceived | InboxItemDismissed)
    later = isinstance(heard.data, RequestReceived) and heard.position > 1
    return heard.subject if of_item or later else None


def fold_upload(_: Body | None, heard: Heard[Any]) -> Body:
    """An upload is one event."""
    upload: Body = as_stored(heard.data)
    return upload


def _upload_key(heard: Heard[Any]) -> str | None:
    return heard.subject if isinstance(heard.data, DocumentUploaded) else None


def fold_holder(holder: Body | None, heard: Heard[Any]) -> Body:
    """What a request or an inbox item holds: a correction adds, and takes nothing away.

    The scan that a paper was taken from holds papers of others: it is nothing that the applicant reads.
    """
    event = heard.data
    own: list[str] = []
    if isinstance(event, RequestReceived):
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


def _holder_key(heard: Heard[Any]) -> str | None:
    """A request that came with no documents holds none."""
    event = heard.data
    holds = isinstance(event, InboxItemReceived) or (
        isinstance(event, RequestReceived) and event.documents
    )
    return heard.subject if holds else None


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
    indexes=(("agency", "received_at", "_id"), ("agency", "status", "received_at", "_id")),
)
UPLOADS: Final = View(
    name=document_rights.UPLOADS,
    model=Upload,
    fold=fold_upload,
    key=_upload_key,
    indexes=document_rights.UPLOAD_INDEXES,
)
HOLDERS: Final = View(
    name=document_rights.HOLDERS,
    model=Holder,
    fold=fold_holder,
    key=_holder_key,
    indexes=document_rights.HOLDER_INDEXES,
)
