"""The events that notification keeps to itself."""

from typing import Final, Literal

from pydantic import Field

from bmt.contracts.events import (
    About,
    Event,
    NotificationFailed,
    NotificationPrepared,
    Notified,
    RequestEvent,
    Target,
)
from bmt.contracts.http.notification import Words
from bmt.contracts.values import Moment, Submitter
from services.notification.domain.notice import Notice


def _is_none(value: object) -> bool:
    return value is None


class FailureDue(RequestEvent):
    """The office must be informed of a failed configuration. `failure` counts from 1."""

    TYPE = "my.gov.bmt.notification.FailureDue.v1"
    failure: int
    target: Target
    retryable: bool
    failed_at: Moment


class FailureTold(RequestEvent):
    """The mail server accepted that mail. `recipient` is an office's address."""

    TYPE = "my.gov.bmt.notification.FailureTold.v1"
    failure: int
    message_id: str
    recipient: str


class TemplateSaved(Event):
    """An agency's notices of one kind use these words from now on. None: the default words."""

    TYPE = "my.gov.bmt.notification.TemplateSaved.v1"
    agency: str
    about: About
    version: int
    words: Words | None
    why: str
    saved_by: Submitter
    saved_at: Moment


Step = Literal["decide", "configure", "confirm"]
"""What the office must do."""

Level = Literal["reminder", "escalation"]
"""A reminder goes to the office before the due day, an escalation to its superior after it."""


class StepAwaited(RequestEvent):
    """The office must do a step by `due_at`. `wait` counts the waits for one step from 1.

    Attributes:
        only: the one mail of it; None: both.
        grants: how many of them are to be confirmed.
    """

    TYPE = "my.gov.bmt.notification.StepAwaited.v1"
    step: Step
    wait: int
    remind_at: Moment
    due_at: Moment
    only: Level | None = Field(default=None, exclude_if=_is_none)
    grants: int | None = Field(default=None, exclude_if=_is_none)


class StepEnded(RequestEvent):
    """The step is no longer awaited."""

    TYPE = "my.gov.bmt.notification.StepEnded.v1"
    step: Step
    wait: int


class ReminderSent(RequestEvent):
    """The mail server accepted a reminder. `recipient` is an office's address."""

    TYPE = "my.gov.bmt.notification.ReminderSent.v1"
    step: Step
    wait: int
    level: Level
    message_id: str
    recipient: str


class NoticeHeld(RequestEvent):
    """A decision arrived before the request itself. Its notice follows the acknowledgement."""

    TYPE = "my.gov.bmt.notification.NoticeHeld.v1"
    notice: Notice


class NoticeDue(RequestEvent):
    """A message must be prepared from this notice.

    `in_reply_to` is the Message-ID of the applicant's own e-mail, if the request arrived in one.
    """

    TYPE = "my.gov.bmt.notification.NoticeDue.v1"
    notice: Notice
    wanted_at: Moment
    in_reply_to: str | None = None

    @property
    def notification_id(self) -> str:
        return self.notice.notification_id


class ResendRequested(RequestEvent):
    """The same message is to be sent again. `sending` counts from 1."""

    TYPE = "my.gov.bmt.notification.ResendRequested.v1"
    notification_id: str
    sending: int
    requested_by: Submitter
    requested_at: Moment


class SentAgain(RequestEvent):
    """A message that had been delivered before was sent again."""

    TYPE = "my.gov.bmt.notification.SentAgain.v1"
    notification_id: str
    sending: int


class AcknowledgementSuperseded(RequestEvent):
    """Nobody needs to hand an earlier paper over (acknowledgement, return, delay): the outcome's, `by`, says more."""

    TYPE = "my.gov.bmt.notification.AcknowledgementSuperseded.v1"
    notification_id: str
    by: str


Progress = (
    NotificationPrepared
    | Notified
    | NotificationFailed
    | ResendRequested
    | SentAgain
    | AcknowledgementSuperseded
)
"""How far a notice has come, public and private."""

PRIVATE: Final = (
    NoticeHeld,
    NoticeDue,
    ResendRequested,
    SentAgain,
    AcknowledgementSuperseded,
    TemplateSaved,
    StepAwaited,
    StepEnded,
    ReminderSent,
    FailureDue,
    FailureTold,
)
