"""A notice, complete: later wordings and rules do not change it. And how far it has come."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import OUTCOMES, About, RequestFacts
from bmt.contracts.http.notification import NoticeStatus
from bmt.contracts.values import Moment, ReplyChannel, immutable


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Fact(_Part):
    """One labelled line: `Kuota storan`, `10 GB (10,000,000,000 bait)`."""

    label: str
    value: str


class Text(_Part):
    """The notice in one language.

    Attributes:
        title: in capitals on paper.
        status: the request's status in a word or two.
        opening: the first paragraph: what happened.
        quoted: an administrator's own words, with their label.
        paragraphs: what follows from it, and whom to contact.
        closing: the last lines before the signatory.
    """

    title: str
    status: str
    salutation: str
    opening: str
    facts: tuple[Fact, ...] = ()
    quoted: Fact | None = None
    paragraphs: tuple[str, ...]
    closing: tuple[str, ...]
    signatory: str


class Content(_Part):
    """The notice in both languages."""

    subject: str
    malay: Text
    english: Text


class Notice(_Part):
    """One notice to one person.

    Attributes:
        notification_id: the id of the event that the notice is about.
        recipient: an e-mail address; the person's name on paper.
        at: when it happened. The message has this date, so its bytes are always the same.
        message_id: the e-mail's Message-ID (RFC 5322, 3.6.4).
        on_preparation: a paper counts as handed over once it is prepared (the agency's rule).
        due_at: when an outcome must have been delivered (client charter).
        agency_name: as on the agency's letterhead.
        status_address: where the user can check the status.
        template_version: the version of the agency's own words; None: the default words.
        content: None in the event of a message that is prepared in the same commit, since the stored
            message has the words.
        copy_to: a second address for an e-mail.
    """

    notification_id: str
    about: About
    channel: ReplyChannel
    recipient: str
    at: Moment
    message_id: str | None = None
    on_preparation: bool = False
    due_at: Moment | None = None
    agency_name: str
    status_address: str | None = None
    content: Content | None = None
    template_version: int | None = None
    copy_to: str | None = Field(default=None, exclude_if=lambda address: address is None)

    @property
    def words(self) -> Content:
        """The content of a notice whose message is still to be prepared."""
        if self.content is None:
            raise LookupError("the words of a prepared notice are in its message")
        return self.content

    @property
    def on_paper(self) -> bool:
        return self.channel != "email"

    @property
    def is_outcome(self) -> bool:
        """Whether it ends the procedure. A request has one such notice."""
        return self.about in OUTCOMES


@immutable
class OutgoingNotice:
    """A notice and its progress.

    Attributes:
        request: the request's facts as of the notice.
        in_reply_to: Message-ID of the applicant's own e-mail.
        wanted_since: when the last sending was requested.
        status: `due` to be composed; `prepared`, so stored and to be sent or handed over; `notified`, so
            delivered; `failed`, so refused permanently; `superseded`, so no longer to be handed over.
        document_id: the stored message, once it is prepared.
        sending: the number of the current sending; None if there is none.
        sendings: the number of sendings so far.
        told: whether it was ever delivered.
    """

    request: RequestFacts
    notice: Notice
    in_reply_to: str | None
    wanted_since: datetime
    status: NoticeStatus = "due"
    document_id: str | None = None
    sending: int | None = None
    sendings: int = 0
    told: bool = False
