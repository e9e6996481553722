"""The requests and answers of notification over HTTP."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bmt.contracts.events import About
from bmt.contracts.faults import OF_MAIL
from bmt.contracts.http.assignments import Assignable
from bmt.contracts.problems import code_sentences
from bmt.contracts.values import (
    DocumentId,
    Line,
    Moment,
    Paragraph,
    Reason,
    ReplyChannel,
    Value,
)

NoticeStatus = Literal["due", "prepared", "notified", "failed", "superseded"]


def _is_absent(value: object) -> bool:
    return value is None


class Notification(BaseModel):
    """One item of `GET /v1/requests/{id}/notifications`."""

    model_config = ConfigDict(frozen=True)

    notification_id: str
    about: About
    channel: ReplyChannel
    status: NoticeStatus = Field(
        description="due: being composed; prepared: an e-mail on its way, a paper to hand over; "
        "notified: sent, or handed over; failed: refused for good, a person must act; superseded: a paper that "
        "nobody needs to hand over any more, since a later one says more"
    )
    document_id: DocumentId | None = Field(description="the message as stored; null while due")
    due_at: Moment | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="when an outcome must have been told (client charter); only in lists",
    )
    code: str | None = Field(
        default=None,
        exclude_if=_is_absent,
        description="why the mail server refused it, under a name that keeps its meaning; later versions may have more; "
        "only in lists. " + code_sentences(OF_MAIL),
    )


class DispatchPaper(Value):
    """Body of `POST /v1/notifications/{id}/dispatch`: the paper was handed over."""

    note: Reason | None = Field(default=None, description="how, or to whom")


class TellOfDelay(Value):
    """Body of `POST /v1/requests/{id}/notifications`."""

    reason: Reason = Field(description="why the configuration takes longer: the applicant reads it")


class ToldOfDelay(BaseModel):
    """Answer of `POST /v1/requests/{id}/notifications`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    notification_id: str
    about: About
    channel: ReplyChannel


class PaperDispatched(Notification):
    """Answer of `POST /v1/notifications/{id}/dispatch`."""

    request_id: str
    dispatched_by: str = Field(description="account of who said so")
    dispatched_at: Moment


class ResendAccepted(BaseModel):
    """Answer of `POST /v1/notifications/{id}/resend`."""

    model_config = ConfigDict(frozen=True)

    request_id: str
    notification_id: str


class WaitingNotification(Notification, Assignable):
    """One item of `GET /v1/notifications`."""

    request_id: str
    reference: str
    recipient: str | None = Field(
        default=None,
        description="to whom: an e-mail address, on paper a name; for administrators alone",
    )
    wanted_since: Moment = Field(description="when it, or the last copy of it, was asked for")
    due_at: Moment | None = Field(
        default=None, description="when an outcome must have been told (client charter)"
    )
    attempts: int | None = Field(
        default=None,
        description="tries so far; null where nothing is tried (a paper, or it is over)",
    )
    last_problem: str | None = Field(
        default=None, description="why the last try did not succeed; it names no address"
    )


class Wording(Value):
    """An agency's words for one notice in one language.

    Each text may hold variables in braces: `{rujukan}`. A brace itself is written twice: `{{`.
    """

    opening: Paragraph = Field(description="the first paragraph: what happened")
    onward: Annotated[tuple[Paragraph, ...], Field(min_length=1, max_length=6)] = Field(
        description="what follows from it, and whom to ask; one that comes out empty is left out"
    )
    closing: Annotated[tuple[Line, ...], Field(max_length=6)] = Field(
        description="the last lines before the signatory; in English in e-mails alone, on a form in "
        "neither language"
    )
    signatory: Line | None = Field(default=None, description="who tells it; null: as the default")


class Words(Value):
    """An agency's words for one notice, in both languages."""

    malay: Wording
    english: Wording


class InBothLanguages(BaseModel):
    """A text in Malay and in English."""

    model_config = ConfigDict(frozen=True)

    malay: str
    english: str


class Variable(BaseModel):
    """A name that a template may hold in braces."""

    model_config = ConfigDict(frozen=True)

    name: str
    meaning: InBothLanguages
    required: bool = Field(description="each language must hold it somewhere")
    sentence: bool = Field(
        description="a whole sentence, or nothing: it stands in `onward` alone, and what it leaves "
        "empty is left out; any other variable without a value is a dash"
    )
    sample: InBothLanguages = Field(description="as the preview fills it in")


class TemplateVersion(BaseModel):
    """The words of one notice as they were saved: an item of `GET /v1/templates/{about}/versions`."""

    model_config = ConfigDict(frozen=True)

    version: int = Field(description="counts what was saved; 0: nothing ever was")
    is_default: bool = Field(description="whether the words are those that bmt brings")
    words: Words
    why: str | None = None
    saved_by: str | None = Field(default=None, description="account of who saved it")
    saved_at: Moment | None = None


class Template(TemplateVersion):
    """The words of one notice: `GET /v1/templates/{about}`."""

    agency: str
    about: About
    variables: tuple[Variable, ...]


Version = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class SaveTemplate(Value):
    """Body of `PUT /v1/templates/{about}`."""

    words: Words
    why: Reason
    version: Version = Field(description="the version that was read before; another one is a 409")


class RestoreDefault(Value):
    """Body of `POST /v1/templates/{about}/default`: from now on the words that bmt brings."""

    why: Reason
    version: Version = Field(description="the version that was read before; another one is a 409")


class PreviewTemplate(Value):
    """Body of `POST /v1/templates/{about}/preview`."""

    words: Words | None = Field(default=None, description="default: the words in force")


PreviewAs = Literal["text", "email", "letter", "memo", "form"]


class NoticePart(BaseModel):
    """What the user would read, in one language."""

    model_config = ConfigDict(frozen=True)

    title: str
    status: str
    salutation: str
    opening: str
    facts: tuple[tuple[str, str], ...] = Field(description="label and value, line by line")
    quoted: tuple[str, str] | None = Field(description="label, and an administrator's own words")
    paragraphs: tuple[str, ...]
    closing: tuple[str, ...]
    signatory: str


class NoticePreview(BaseModel):
    """Answer of `POST /v1/templates/{about}/preview` as text: the notice with sample values."""

    model_config = ConfigDict(frozen=True)

    about: About
    subject: str
    malay: NoticePart
    english: NoticePart
    text: str = Field(description="the body of the e-mail: Malay, a rule, English")
