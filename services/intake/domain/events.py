"""What intake keeps to itself: uploads, and what waits in the inbox."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.answers import FaultyField
from bmt.contracts.events import Event
from bmt.contracts.faults import GENERAL, FaultValue, sentence
from bmt.contracts.problems import FieldError
from bmt.contracts.progress import Progress
from bmt.contracts.values import Document, Moment, NotShown, Submitter


class DocumentUploaded(Event):
    """Somebody handed in a document, under a name of their own; `agency`: in whose name, if in anybody's."""

    TYPE = "my.gov.bmt.intake.DocumentUploaded.v1"
    document: Document
    uploaded_by: str
    uploaded_at: Moment
    agency: str = ""


class EmailDelivered(Event):
    """A message was handed in under a key of the caller's; `cause` is that of what the message led to."""

    TYPE = "my.gov.bmt.intake.EmailDelivered.v1"
    cause: str
    delivered_at: Moment


class Missing(BaseModel):
    """Why a message is no filled request: what is missing, wrong or ambiguous.

    Attributes:
        field: of the request; `message`: the message as a whole.
        detail: in English.
        code: the same as a code of `bmt.contracts.faults`; what was stored before there were any has the general one.
        values: what stands in the places of its sentence.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: str
    detail: str
    code: str = Field(default=GENERAL, exclude_if=lambda told: told == GENERAL)
    values: Mapping[str, FaultValue] = Field(default_factory=dict, exclude_if=lambda told: not told)

    @classmethod
    def of(cls, field: str, code: str, **values: FaultValue) -> "Missing":
        """What is missing, by its code."""
        return cls(field=field, code=code, detail=sentence(code, values), values=values)

    @classmethod
    def wrong(cls, error: FieldError) -> "Missing":
        """That a field is wrong."""
        field = error.pointer.rpartition("/")[2]
        return cls(field=field, code=error.code, detail=error.detail, values=error.values)


class Mail(BaseModel):
    """An e-mail as it was read.

    Attributes:
        message_id: its Message-ID, when it has a sane one.
        sender: whom it says it is from.
        subject: its subject.
        documents: the message itself, whole, then its attachments that are kept.
        understood: what its labelled lines say, by field.
        missing: why it is no filled request; empty when it is one.
        authenticated: as of `Sender`.
        not_shown: the attachments that nobody is shown apart.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    message_id: str | None
    sender: str
    subject: str
    documents: tuple[Document, ...]
    understood: dict[str, str]
    missing: tuple[Missing, ...]
    authenticated: bool | None = Field(default=None, exclude_if=lambda told: told is None)
    not_shown: tuple[NotShown, ...] = Field(default=(), exclude_if=lambda told: not told)


class Bounce(BaseModel):
    """A notice of ours came back: it could not be delivered.

    Attributes:
        message_id: the notice's Message-ID; None where the report does not name it.
        request_id: the request that it told of, where that is known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    message_id: str | None
    request_id: str | None = None


class ScanOrigin(BaseModel):
    """Where a scanned paper comes from.

    Attributes:
        batch: the scan as it was handed in, whole.
        pages: the numbers of the paper's pages in it, from 1.
        request_id: the agency's request that a code on the paper leads to.
        request_reference: that request's name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    batch: Document
    pages: tuple[int, ...]
    request_id: str | None = None
    request_reference: str | None = None


class ScannedPaper(BaseModel):
    """One paper of a scan, on its way into the inbox.

    Attributes:
        inbox_item_id: of the item that it becomes.
        document: its pages, as PDF.
        origin: where they come from.
        understood: what its codes say, by field.
        missing: why a code is not believed.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    inbox_item_id: str
    document: Document
    origin: ScanOrigin
    understood: dict[str, str]
    missing: tuple[Missing, ...]


class ScanReceived(Event):
    """A scan was handed in; all its papers are named at once, so that none is ever left out."""

    TYPE = "my.gov.bmt.intake.ScanReceived.v1"
    agency: str
    received_at: Moment
    submitted_by: Submitter
    batch: Document
    page_count: int
    papers: tuple[ScannedPaper, ...]


class InboxItemReceived(Event):
    """A message or a scan that a person must read; its id is that of the request it may become.

    Attributes:
        bounce: what it says was not delivered.
        set_aside: why nobody needs to read it; None: somebody must.
        set_aside_code: the same as a code of `bmt.contracts.faults`; None where it was stored before there were any.
        scan: where it comes from, when it is a scanned paper.
    """

    TYPE = "my.gov.bmt.intake.InboxItemReceived.v1"
    agency: str
    received_at: Moment
    submitted_by: Submitter
    mail: Mail
    bounce: Bounce | None = None
    set_aside: str | None = None
    set_aside_code: str | None = Field(default=None, exclude_if=lambda told: told is None)
    scan: ScanOrigin | None = None


class InboxItemDismissed(Event):
    """A person read it: it is no request."""

    TYPE = "my.gov.bmt.intake.InboxItemDismissed.v1"
    agency: str
    reason: str
    dismissed_by: Submitter
    dismissed_at: Moment


class SubmissionAnswered(Event):
    """What an integrator is to know of a submission; the answer itself stands in the same commit.

    Attributes:
        integrator: whose submission it is; it alone reads the answer.
        source: CloudEvents source of the submission; empty where it could not be read.
        submission_id: its id, or the origin of what is no event.
        source_reference: what the integrator calls it.
        answered_at: when it was accepted or refused.
        number: of the answers about this submission, from 1; the same where none was published.
        request_id: the request that it became; None: it was refused.
        reference: that request's name.
        progress: what is known of that request.
        reason: of its status, or why it was refused.
        detail: what is wrong with what was refused, without the values.
        errors: its wrong fields.
    """

    TYPE = "my.gov.bmt.intake.SubmissionAnswered.v1"
    integrator: str
    source: str
    submission_id: str
    source_reference: str | None
    answered_at: Moment
    number: int
    request_id: str | None = None
    reference: str | None = None
    progress: Progress | None = None
    reason: str | None = None
    detail: str | None = None
    errors: tuple[FaultyField, ...] = ()


PRIVATE: Final = (
    DocumentUploaded,
    EmailDelivered,
    ScanReceived,
    InboxItemReceived,
    InboxItemDismissed,
    SubmissionAnswered,
)
