"""What notification remembers beside what it says: events without a topic."""

from typing import Final, Literal

from bmt.contracts.events import About, Event, RequestEvent, Target
from bmt.contracts.http.notification import Words
from bmt.contracts.values import Moment, Submitter
from services.notification.domain.notice import Notice

# What is remembered of telling offices that a configuration failed: events without a topic.


class FailureDue(RequestEvent):
    """The office is to be told that the configuration failed; `failure` counts from 1."""

    TYPE = "my.gov.bmt.notification.FailureDue.v1"
    failure: int
    target: Target
    retryable: bool
    failed_at: Moment


class FailureTold(RequestEvent):
    """The mail server took that mail over; `recipient` is the address of an office."""

    TYPE = "my.gov.bmt.notification.FailureTold.v1"
    failure: int
    message_id: str
    recipient: str


# What is remembered of an agency's words: an event without a topic.


class TemplateSaved(Event):
    """From now on an agency's notices of one kind have these words; None: those that bmt brings."""

    TYPE = "my.gov.bmt.notification.TemplateSaved.v1"
    agency: str
    about: About
    version: int
    words: Words | None
    why: str
    saved_by: Submitter
    saved_at: Moment


# What is remembered of the client charter's promises: events without a topic.


Step = Literal["decide", "configure"]
"""What the office is waited for to do."""

Level = Literal["reminder", "escalation"]
"""To the office before the step is due; to who is above it when it is overdue."""


class StepAwaited(RequestEvent):
    """The office has to do something until `due_at`; `wait` counts such waits for one step from 1."""

    TYPE = "my.gov.bmt.notification.StepAwaited.v1"
    step: Step
    wait: int
    remind_at: Moment
    due_at: Moment


class StepEnded(RequestEvent):
    """Nothing more is waited for."""

    TYPE = "my.gov.bmt.notification.StepEnded.v1"
    step: Step
    wait: int


class ReminderSent(RequestEvent):
    """The mail server took a reminder over; `recipient` is the address of an office."""

    TYPE = "my.gov.bmt.notification.ReminderSent.v1"
    step: Step
    wait: int
    level: Level
    message_id: str
    recipient: str


class NoticeHeld(RequestEvent):
    """It was heard before the request itself: it is told after the acknowledgement."""

    TYPE = "my.gov.bmt.notification.NoticeHeld.v1"
    notice: Notice


class NoticeDue(RequestEvent):
    """It is to be told: a message has to be prepared from it.

    `wanted_at` is when that became so; `in_reply_to` the Message-ID of the applicant's own e-mail, where
    the request came by one.
    """

    TYPE = "my.gov.bmt.notification.NoticeDue.v1"
    notice: Notice
    wanted_at: Moment
    in_reply_to: str | None = None

    @property
    def notification_id(self) -> str:
        """The notice."""
        return self.notice.notification_id


class ResendRequested(RequestEvent):
    """Somebody wants the same message to be sent once more; `sending` counts from 1."""

    TYPE = "my.gov.bmt.notification.ResendRequested.v1"
    notification_id: str
    sending: int
    requested_by: Submitter
    requested_at: Moment


class SentAgain(RequestEvent):
    """A message that had arrived before was sent once more."""

    TYPE = "my.gov.bmt.notification.SentAgain.v1"
    notification_id: str
    sending: int


PRIVATE: Final = (
    NoticeHeld,
    NoticeDue,
    ResendRequested,
    SentAgain,
    TemplateSaved,
    StepAwaited,
    StepEnded,
    ReminderSent,
    FailureDue,
    FailureTold,
)
