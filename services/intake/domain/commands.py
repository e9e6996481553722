"""The commands of intake."""

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
    """Receive a request that was filled in."""

    request_id: str
    submission: Submission


@immutable
class ReceiveEmail:
    """Receive an e-mail: as a request if it is one, otherwise into the inbox.

    Attributes:
        request_id: the id of the request, or of the inbox item.
        submission: the request that it holds, if it is filled in.
        home: the agency whose inbox it goes to.
        bounce: the notice of ours that it reports as undelivered.
        set_aside: why nobody needs to read it, as a code of `bmt.contracts.faults`; None: somebody must, or it is a request.
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
    """Receive a scan, whole as `batch`, with all its papers; `home` is the agency of their inbox."""

    batch: Document
    page_count: int
    papers: tuple[ScannedPaper, ...]
    home: Agency
    caller: Caller
    received_at: datetime


@immutable
class PutPaperInInbox:
    """Put one paper of a received scan into the inbox."""

    scan: ScanReceived
    paper: ScannedPaper


@immutable
class RegisterInboxItem:
    """Register an inbox item as the request that a person has read in it."""

    request_id: str
    submission: Submission


@immutable
class DismissInboxItem:
    """Dismiss an inbox item: a person has read it, and it is no request."""

    reason: str
    caller: Caller
    dismissed_at: datetime


@immutable
class Known:
    """What the other services have published about a request so far, as the status view knows it.

    Attributes:
        returns: how often it was returned for correction.
        decision: the decision that stands.
    """

    status: Status
    returns: int = 0
    decision: Decision | None = None


@immutable
class WithdrawRequest:
    """Withdraw a request that the applicant no longer wants."""

    reason: str
    caller: Caller
    known: Known


@immutable
class CorrectRequest:
    """Correct a request that was returned or is not decided yet.

    Attributes:
        submission: the whole request, as it should have been.
        reason: why it is corrected.
        held: decisions are on hold until approval has this correction, which nobody asked for.
    """

    request_id: str
    submission: Submission
    known: Known
    reason: str | None = None
    held: bool = False


@immutable
class FollowRequest:
    """Tell the integrator that submitted a request about an event of another service.

    Attributes:
        sequence: the event's place among its writer's events of the request.
        at: when it happened.
    """

    event: Event
    sequence: int
    at: datetime


@immutable
class RefuseSubmission:
    """Tell an integrator that what it published is a dead letter, and why.

    Attributes:
        event: its source and id, as far as they can be read; otherwise its origin.
        source_reference: the integrator's own name for it, if it can be read.
        reason: a problem's name, or a short token.
        detail: what is wrong, without the values.
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
    """Record that a document was stored; `agency` is that of the uploader's token, or empty."""

    document: Document
    uploaded_by: str
    uploaded_at: datetime
    agency: str = ""


@immutable
class RecordDelivery:
    """Record that a message was delivered under a key; `cause` is the causation of what the message leads to."""

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
