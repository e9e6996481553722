"""What notification can be asked to do."""

from datetime import datetime

from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Submitter
from services.notification.domain.events import NoticeDue
from services.notification.domain.notice import Notice
from services.notification.domain.office import (
    AwaitStep,
    RecordFailureTold,
    RecordReminder,
    TellOfFailure,
)
from services.notification.domain.templates import SaveWords


@immutable
class Composed:
    """A message that is stored before it is decided whether it is wanted.

    It counts for exactly this notice: where another answer or another moment is decided, it is not used.
    """

    due: NoticeDue
    document_id: str


@immutable
class Acknowledge:
    """The request was received: tell so, the first time.

    Attributes:
        request: its facts.
        notice: the acknowledgement.
        at: now.
        email_message_id: Message-ID of the e-mail that the request came by.
        composed: messages of what this leads to, where they are stored already.
    """

    request: RequestFacts
    notice: Notice
    at: datetime
    email_message_id: str | None = None
    composed: tuple[Composed, ...] = ()


@immutable
class Tell:
    """Something became of the request: tell what; `at` is now, `composed` as for `Acknowledge`."""

    request: RequestFacts
    notice: Notice
    at: datetime
    composed: tuple[Composed, ...] = ()


@immutable
class RecordPrepared:
    """The message was composed and stored as this document."""

    notification_id: str
    document_id: str


@immutable
class RecordSent:
    """The mail server took the message over."""

    notification_id: str
    sending: int


@immutable
class RecordRefused:
    """The mail server refused the message for good; `reason` is its answer."""

    notification_id: str
    sending: int
    reason: str


@immutable
class Dispatch:
    """An administrator of `agency` says that a paper was handed over."""

    notification_id: str
    agency: str
    by: Submitter
    note: str | None


@immutable
class Resend:
    """Send the same message once more; `agency` is None for an operator, who serves them all."""

    notification_id: str
    agency: str | None
    by: Submitter
    at: datetime


OfNotices = Acknowledge | Tell | RecordPrepared | RecordSent | RecordRefused | Dispatch | Resend
OfTheOffice = AwaitStep | RecordReminder | TellOfFailure | RecordFailureTold
Command = OfNotices | OfTheOffice | SaveWords
