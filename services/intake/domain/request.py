"""A request, or the inbox item that may become one: its commands, its states and how events change them."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.agencies.agency import Agency
from bmt.contracts.events import Event, RequestFacts, RequestReceived, WithdrawalRequested
from bmt.contracts.http.approval import Decision
from bmt.contracts.values import Document, Status, immutable
from services.intake.domain.events import (
    Bounce,
    InboxItemDismissed,
    InboxItemReceived,
    Mail,
    ScannedPaper,
    ScanReceived,
    SubmissionAnswered,
)
from services.intake.domain.submission import Caller, Submission

_EMAIL: Final = "message/rfc822"


def request_stream(request_id: str) -> str:
    """The stream of a request, or of the inbox item that may become one."""
    return f"request-{request_id}"


@immutable
class ReceiveRequest:
    """Receive a request that was filled in."""

    request_id: str
    submission: Submission


@immutable
class ReceiveEmail:
    """Receive an e-mail: as the request that it holds if it is filled in, otherwise into the inbox of its `home`.

    Attributes:
        bounce: the notice of ours that it reports as undelivered.
        set_aside: why nobody needs to read it, as a code of `bmt.contracts.faults`; None: somebody must, or it is a request.
    """

    request_id: str
    mail: Mail
    submission: Submission | None
    home: Agency
    caller: Caller
    received_at: datetime
    bounce: Bounce | None = None
    set_aside: str | None = None


@immutable
class PutPaperInInbox:
    """Put one paper of a received scan into the inbox."""

    scan: ScanReceived
    paper: ScannedPaper


@immutable
class RegisterInboxItem:
    """Register an inbox item as the request that a person has read in it."""

    request_id: str
    submission: Submission


@immutable
class DismissInboxItem:
    """Dismiss an inbox item: a person has read it, and it is no request."""

    reason: str
    caller: Caller
    dismissed_at: datetime


@immutable
class Known:
    """What the other services have published about a request so far, as the status view knows it."""

    status: Status
    returns: int = 0
    decision: Decision | None = None


@immutable
class WithdrawRequest:
    """Withdraw a request that the applicant no longer wants."""

    reason: str
    caller: Caller
    known: Known


@immutable
class CorrectRequest:
    """Correct a request that was returned or is not decided yet; `submission` is the whole request, as it should be.

    `held`: decisions are on hold until approval has this correction, which nobody asked for.
    """

    request_id: str
    submission: Submission
    known: Known
    reason: str | None = None
    held: bool = False


@immutable
class FollowRequest:
    """Answer the integrator that submitted the request, after an event of another service.

    `sequence` is the event's place among its writer's events of the request.
    """

    event: Event
    sequence: int
    at: datetime


Command = (
    ReceiveRequest
    | ReceiveEmail
    | PutPaperInInbox
    | RegisterInboxItem
    | DismissInboxItem
    | WithdrawRequest
    | CorrectRequest
    | FollowRequest
)


@immutable
class Nothing:
    """The stream is empty."""


@immutable
class Waiting:
    """An item waits in the inbox."""

    item: InboxItemReceived


@immutable
class Dismissed:
    """The item was no request."""

    item: InboxItemReceived


@immutable
class Received:
    """A request was received.

    Attributes:
        came_with: the documents that it came by (a message with its attachments, a scan); corrections keep them.
        receptions: 1, and 1 more for each correction after a return.
        answered: what the integrator that submitted it knows; None: it came another way.
    """

    facts: RequestFacts
    last: RequestReceived
    came_with: tuple[Document, ...] = ()
    receptions: int = 1
    withdrawal_requested: bool = False
    from_inbox: bool = False
    answered: SubmissionAnswered | None = None


State = Nothing | Waiting | Dismissed | Received


def evolve(state: State, event: BaseModel) -> State:
    match event, state:
        case RequestReceived(), _:
            return _received(event, state)
        case WithdrawalRequested(), Received():
            return replace(state, withdrawal_requested=True)
        case SubmissionAnswered(), Received():
            return replace(state, answered=event)
        case InboxItemReceived(), _:
            return Waiting(event)
        case InboxItemDismissed(), Waiting(item):
            return Dismissed(item)
        case _:
            return state


def _received(event: RequestReceived, state: State) -> Received:
    if isinstance(state, Received):
        receptions = state.receptions + (not event.while_open)
        return replace(state, facts=event.request, last=event, receptions=receptions)
    if isinstance(state, Waiting):
        return Received(event.request, event, state.item.mail.documents, from_inbox=True)
    return Received(event.request, event, _message_with_attachments(event.documents))


def _message_with_attachments(documents: tuple[Document, ...]) -> tuple[Document, ...]:
    """All documents if the first is a message: then it was received without a person between."""
    came_by_email = bool(documents) and documents[0].media_type == _EMAIL
    return documents if came_by_email else ()
