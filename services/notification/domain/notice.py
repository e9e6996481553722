"""A notice: what is told to whom, complete, so that later wordings and rules do not change it."""

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import About
from bmt.contracts.progress import OUTCOMES
from bmt.contracts.values import Moment, ReplyChannel


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Fact(_Part):
    """One line of what is told: `Kuota storan`, `10 GB (10,000,000,000 bait)`."""

    label: str
    value: str


class Text(_Part):
    """What is told, in one language.

    Attributes:
        title: of the message, in capitals on paper.
        status: the request's status in a word or two.
        salutation: the first line.
        opening: the first paragraph: what happened.
        facts: what belongs to it, line by line.
        quoted: an administrator's own words, with what they are.
        paragraphs: what follows from it, and whom to ask.
        closing: the last lines before the signatory.
        signatory: who tells it.
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
    """What is told, in both languages."""

    subject: str
    malay: Text
    english: Text


class Notice(_Part):
    """One thing to tell one person.

    Attributes:
        notification_id: the id of the event that is told about.
        about: what happened.
        channel: how it is told.
        recipient: an e-mail's address; the person's name on paper.
        at: when it happened; the message bears this date, so that its bytes are always the same.
        message_id: the e-mail's Message-ID (RFC 5322, 3.6.4).
        on_preparation: a paper counts as handed over once it is prepared (the agency's rule).
        due_at: when an outcome must have been told (client charter).
        agency_name: the agency as its letterhead says it.
        status_address: where the user sees how the request stands.
        content: what is told.
        template_version: which of the agency's own words it was written with; None: the default.
        copy_to: a second address that an e-mail goes to.
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
    content: Content
    template_version: int | None = None
    copy_to: str | None = Field(default=None, exclude_if=lambda address: address is None)

    @property
    def on_paper(self) -> bool:
        """Whether a person hands it over."""
        return self.channel != "email"

    @property
    def is_outcome(self) -> bool:
        """Whether it ends the procedure; a request has one such notice."""
        return self.about in OUTCOMES
