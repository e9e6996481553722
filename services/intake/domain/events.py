"""Intake's private events: uploads, the inbox, and the answers to integrators."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import Event, Progress
from bmt.contracts.faults import GENERAL, FaultValue, sentence
from bmt.contracts.problems import FieldError
from bmt.contracts.topics import FaultyField
from bmt.contracts.values import Document, Moment, NotShown, Submitter


class DocumentUploaded(Event):
    """A document was uploaded, under the uploader's name for it; `agency` is that of their token, or empty."""

    TYPE = "my.gov.bmt.intake.DocumentUploaded.v1"
    document: Document
    uploaded_by: str
    uploaded_at: Moment
    agency: str = ""


class EmailDelivered(Event):
    """A message was delivered under a key of the caller's; `cause` is the causation of what it led to."""

    TYPE = "my.gov.bmt.intake.EmailDelivered.v1"
    cause: str
    delivered_at: Moment


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Missing(_Value):
    """Why a message is no filled request: something is missing, wrong or ambiguous.

    Attributes:
        field: of the request; `message`: the message as a whole.
        code: of `bmt.contracts.faults`; events from before there were codes have the general one.
        values: the values in the code's sentence.
    """

    field: str
    detail: str
    code: str = Field(default=GENERAL, exclude_if=lambda code: code == GENERAL)
    values: Mapping[str, FaultValue] = Field(
        default_factory=dict, exclude_if=lambda value: not value
    )

    @classmethod
    def of(cls, field: str, code: str, **values: FaultValue) -> "Missing":
        return cls(field=field, code=code, detail=sentence(code, values), values=values)

    @classmethod
    def wrong(cls, error: FieldError) -> "Missing":
        field = error.pointer.rpartition("/")[2]
        return cls(field=field, code=error.code, detail=error.detail, values=error.values)


class Mail(_Value):
    """An e-mail as it was read.

    Attributes:
        message_id: its Message-ID, if it is well formed.
        documents: the whole message, then the attachments that are kept.
        understood: the values of its labelled lines, by field.
        missing: why it is no filled request; empty if it is one.
        authenticated: as of `Sender`.
        not_shown: the attachments that are not shown by themselves.
    """

    message_id: str | None
    sender: str
    subject: str
    documents: tuple[Document, ...]
    understood: dict[str, str]
    missing: tuple[Missing, ...]
    authenticated: bool | None = Field(default=None, exclude_if=lambda value: value is None)
    not_shown: tuple[NotShown, ...] = Field(default=(), exclude_if=lambda value: not value)


class Bounce(_Value):
    """A notice of ours that was not delivered; its Message-ID and its request may be unknown."""

    message_id: str | None
    request_id: str | None = None


class ScanOrigin(_Value):
    """The whole scan, the numbers of the paper's pages in it, from 1, and the agency's request that a code on it names."""

    batch: Document
    pages: tuple[int, ...]
    request_id: str | None = None
    request_reference: str | None = None


class ScannedPaper(_Value):
    """One paper of a scan, before it is in the inbox: what its codes say by field, and why one is not trusted."""

    inbox_item_id: str
    document: Document
    origin: ScanOrigin
    understood: dict[str, str]
    missing: tuple[Missing, ...]


class ScanReceived(Event):
    """A scan was handed in. It names all its papers at once, so that none can be left out."""

    TYPE = "my.gov.bmt.intake.ScanReceived.v1"
    agency: str
    received_at: Moment
    submitted_by: Submitter
    batch: Document
    page_count: int
    papers: tuple[ScannedPaper, ...]


class InboxItemReceived(Event):
    """A message or scanned paper that a person must read; its id becomes that of its request.

    Attributes:
        bounce: the notice that it reports as undelivered.
        set_aside: why nobody needs to read it; None: somebody must.
        set_aside_code: the same as a code of `bmt.contracts.faults`; None in events from before there were codes.
    """

    TYPE = "my.gov.bmt.intake.InboxItemReceived.v1"
    agency: str
    received_at: Moment
    submitted_by: Submitter
    mail: Mail
    bounce: Bounce | None = None
    set_aside: str | None = None
    set_aside_code: str | None = Field(default=None, exclude_if=lambda value: value is None)
    scan: ScanOrigin | None = None


class InboxItemDismissed(Event):
    """An inbox item was read, and is no request."""

    TYPE = "my.gov.bmt.intake.InboxItemDismissed.v1"
    agency: str
    reason: str
    dismissed_by: Submitter
    dismissed_at: Moment


class SubmissionAnswered(Event):
    """What an integrator knows about a submission; the answer itself is in the same commit.

    Attributes:
        source: the submission's CloudEvents source; empty if it could not be read.
        submission_id: its id, or the origin of what is no event.
        source_reference: the integrator's own name for it.
        answered_at: when it was accepted or refused.
        number: of the answers about this submission, from 1; unchanged if none was published.
        request_id: the request that it became; None: it was refused.
        progress: what is known of that request.
        reason: of its status, or why it was refused.
        detail: what is wrong with a refused submission, without the values.
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
