"""What intake keeps to itself: uploads, and what waits in the inbox."""

from typing import Final

from pydantic import BaseModel, ConfigDict

from bmt.contracts.events import Event
from bmt.contracts.values import Document, Moment, Submitter


class DocumentUploaded(Event):
    """Somebody handed in a document, under a name of their own."""

    TYPE = "my.gov.bmt.intake.DocumentUploaded.v1"
    document: Document
    uploaded_by: str
    uploaded_at: Moment


class Missing(BaseModel):
    """Why a message is no filled request: what is missing, wrong or ambiguous."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    field: str
    detail: str


class Mail(BaseModel):
    """An e-mail as it was read.

    Attributes:
        message_id: its Message-ID, when it has a sane one.
        sender: whom it says it is from.
        subject: its subject.
        documents: the message itself, whole, then its attachments that are of an allowed type.
        understood: what its labelled lines say, by field.
        missing: why it is no filled request; empty when it is one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    message_id: str | None
    sender: str
    subject: str
    documents: tuple[Document, ...]
    understood: dict[str, str]
    missing: tuple[Missing, ...]


class Bounce(BaseModel):
    """A notice of ours came back: it could not be delivered.

    Attributes:
        message_id: the notice's Message-ID; None where the report does not name it.
        request_id: the request that it told of, where that is known.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    message_id: str | None
    request_id: str | None = None


class InboxItemReceived(Event):
    """A message that a person must read; its id is the id of the request that it may become.

    Attributes:
        bounce: what it says was not delivered.
        set_aside: why nobody needs to read it; None: somebody must.
    """

    TYPE = "my.gov.bmt.intake.InboxItemReceived.v1"
    agency: str
    received_at: Moment
    submitted_by: Submitter
    mail: Mail
    bounce: Bounce | None = None
    set_aside: str | None = None


class InboxItemDismissed(Event):
    """A person read it: it is no request."""

    TYPE = "my.gov.bmt.intake.InboxItemDismissed.v1"
    agency: str
    reason: str
    dismissed_by: Submitter
    dismissed_at: Moment


PRIVATE: Final = (DocumentUploaded, InboxItemReceived, InboxItemDismissed)
