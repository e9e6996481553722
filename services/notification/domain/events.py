"""What notification remembers beside what it says: events without a topic."""

from typing import Final

from bmt.contracts.events import RequestEvent
from bmt.contracts.values import Moment, Submitter
from services.notification.domain.failure_events import FailureDue, FailureTold
from services.notification.domain.notice import Notice
from services.notification.domain.template_events import TemplateSaved
from services.notification.domain.wait_events import ReminderSent, StepAwaited, StepEnded


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
