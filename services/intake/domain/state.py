"""The state of a reception: one class for each status, and the transitions between them."""

from dataclasses import replace
from typing import Final

from pydantic import BaseModel

from bmt.contracts.events import RequestReceived, WithdrawalRequested
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Document
from services.intake.domain.events import (
    DocumentUploaded,
    InboxItemDismissed,
    InboxItemReceived,
    ScanReceived,
    SubmissionAnswered,
)

_EMAIL: Final = "message/rfc822"


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
        last: the last reception.
        came_with: the documents that it came by (a message with its attachments, a scan); corrections keep them.
        receptions: 1, and 1 more for each correction after a return.
        from_inbox: it was registered from the inbox.
        answered: what the integrator that submitted it knows; None: it came another way.
    """

    facts: RequestFacts
    last: RequestReceived
    came_with: tuple[Document, ...] = ()
    receptions: int = 1
    withdrawal_requested: bool = False
    from_inbox: bool = False
    answered: SubmissionAnswered | None = None


@immutable
class Uploaded:
    """A document was uploaded."""


@immutable
class Scanned:
    """A scan was handed in."""

    scan: ScanReceived


State = Nothing | Scanned | Waiting | Dismissed | Received | Uploaded


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    match event, state:
        case RequestReceived(), _:
            return _received(event, state)
        case ((WithdrawalRequested() | SubmissionAnswered()), Received()):
            answered = isinstance(event, SubmissionAnswered)
            changes = {"answered": event} if answered else {"withdrawal_requested": True}
            return replace(state, **changes)
        case InboxItemReceived(), _:
            return Waiting(event)
        case InboxItemDismissed(), Waiting(item):
            return Dismissed(item)
        case ((DocumentUploaded() | ScanReceived()), _):
            return Scanned(event) if isinstance(event, ScanReceived) else Uploaded()
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


def request_stream(request_id: str) -> str:
    """The stream of a request, or of the inbox item that may become one."""
    return f"request-{request_id}"
