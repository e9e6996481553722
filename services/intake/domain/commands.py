"""What intake can be asked to do."""

from datetime import datetime

from bmt.agencies.agency import Agency
from bmt.contracts.answers import FaultyField
from bmt.contracts.events import Event
from bmt.contracts.http.approval import Decision
from bmt.contracts.immutable import immutable
from bmt.contracts.values import Document, Status
from services.intake.domain.events import Bounce, Mail, ScannedPaper, ScanReceived
from services.intake.domain.submission import Caller, Submission, SubmittedEvent


@immutable
class ReceiveRequest:
    """Take in a request that was filled in."""

    request_id: str
    submission: Submission


@immutable
class ReceiveEmail:
    """Take in an e-mail: as a request when it is one, otherwise into the inbox.

    Attributes:
        request_id: the id of the request, or of the inbox item.
        mail: as it was read.
        submission: what it asks for, when it holds a filled request.
        home: the agency whose inbox it goes to, with its rules.
        caller: who handed it in.
        received_at: now.
        bounce: the notice of ours that it says was not delivered.
        set_aside: why nobody needs to read it, as a code of `bmt.contracts.faults`; None: it is a request, or somebody must.
    """

    request_id: str
    mail: Mail
    submission: Submission | None
    home: Agency
    caller: Caller
    received_at: datetime
    bounce: Bounce | None = None
    set_aside: str | None = None


@immutable
class ReceiveScan:
    """Take in a scan with all its papers.

    Attributes:
        batch: the scan, whole.
        page_count: of it.
        papers: what it was taken apart into.
        home: the agency whose inbox they go to, with its rules.
        caller: who handed it in.
        received_at: now.
    """

    batch: Document
    page_count: int
    papers: tuple[ScannedPaper, ...]
    home: Agency
    caller: Caller
    received_at: datetime


@immutable
class PutPaperInInbox:
    """Put one paper of a scan that was received where a person reads it."""

    scan: ScanReceived
    paper: ScannedPaper


@immutable
class RegisterInboxItem:
    """A person read an inbox item, and fills in the request that it is."""

    request_id: str
    submission: Submission


@immutable
class DismissInboxItem:
    """A person read an inbox item: it is no request."""

    reason: str
    caller: Caller
    dismissed_at: datetime


@immutable
class Known:
    """What the other services have said of a request so far, as the status view knows it.

    Attributes:
        status: where it stands.
        returns: how often it was returned for correction.
        decision: the decision that stands.
    """

    status: Status
    returns: int = 0
    decision: Decision | None = None


@immutable
class WithdrawRequest:
    """The applicant no longer wants it."""

    reason: str
    caller: Caller
    known: Known


@immutable
class CorrectRequest:
    """The applicant, or an administrator, hands in again what was returned or is not decided yet.

    Attributes:
        request_id: of the request.
        submission: the whole request, as it should have been.
        known: what approval said of it so far.
        reason: why it is corrected.
        held: nobody decides on it until this correction is heard, though nobody asked for it.
    """

    request_id: str
    submission: Submission
    known: Known
    reason: str | None = None
    held: bool = False


@immutable
class FollowRequest:
    """Another service published this about a request: its integrator may have to be told.

    Attributes:
        event: what was published.
        sequence: its place among its writer's events of the request.
        at: when it happened.
    """

    event: Event
    sequence: int
    at: datetime


@immutable
class RefuseSubmission:
    """What an integrator published is a dead letter: it is told why.

    Attributes:
        integrator: who published it.
        event: its source and id, as far as they can be read; else its origin.
        source_reference: what the integrator calls it, where that can be read.
        reason: a problem's name, or a short token.
        detail: what is wrong, without the values.
        errors: the wrong fields.
        at: now.
    """

    integrator: str
    event: SubmittedEvent
    source_reference: str | None
    reason: str
    detail: str
    errors: tuple[FaultyField, ...]
    at: datetime


@immutable
class RecordUpload:
    """A document was stored; `agency` is that of the uploader's token, empty where it names none."""

    document: Document
    uploaded_by: str
    uploaded_at: datetime
    agency: str = ""


@immutable
class RecordDelivery:
    """A message was handed in under a key; `cause` names it, and is that of what it leads to."""

    cause: str
    delivered_at: datetime


Command = (
    ReceiveRequest
    | ReceiveEmail
    | ReceiveScan
    | PutPaperInInbox
    | RegisterInboxItem
    | DismissInboxItem
    | WithdrawRequest
    | CorrectRequest
    | FollowRequest
    | RefuseSubmission
    | RecordUpload
    | RecordDelivery
)
