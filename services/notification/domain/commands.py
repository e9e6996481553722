"""The commands of notification."""

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
    """A message that was stored before its notice is decided.

    It is used for exactly this notice. If the decision differs, it is ignored.
    """

    due: NoticeDue
    document_id: str


@immutable
class Acknowledge:
    """Send the acknowledgement, the first time.

    Attributes:
        email_message_id: Message-ID of the e-mail that the request arrived in.
        composed: messages that are already stored for what this leads to.
    """

    request: RequestFacts
    notice: Notice
    at: datetime
    email_message_id: str | None = None
    composed: tuple[Composed, ...] = ()


@immutable
class Tell:
    """Send a notice about what became of the request. `composed` is as for `Acknowledge`."""

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
    """The mail server accepted the message."""

    notification_id: str
    sending: int


@immutable
class RecordRefused:
    """The mail server refused the message permanently. `reason` is its answer."""

    notification_id: str
    sending: int
    reason: str


@immutable
class Dispatch:
    """An administrator of `agency` handed a paper over."""

    notification_id: str
    agency: str
    by: Submitter
    note: str | None


@immutable
class Resend:
    """Send the same message again. `agency` is None for an operator, who serves all agencies."""

    notification_id: str
    agency: str | None
    by: Submitter
    at: datetime


OfNotices = Acknowledge | Tell | RecordPrepared | RecordSent | RecordRefused | Dispatch | Resend
OfTheOffice = AwaitStep | RecordReminder | TellOfFailure | RecordFailureTold
Command = OfNotices | OfTheOffice | SaveWords
