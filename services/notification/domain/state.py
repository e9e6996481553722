"""The state of one request's correspondence, and how each event changes it."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from bmt.contracts.events import NotificationFailed, NotificationPrepared, Notified
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from services.notification.domain import office, templates
from services.notification.domain.events import (
    FailureDue,
    FailureTold,
    NoticeDue,
    NoticeHeld,
    ReminderSent,
    ResendRequested,
    SentAgain,
    StepAwaited,
    StepEnded,
    TemplateSaved,
)
from services.notification.domain.notice import Notice
from services.notification.domain.office import Failure, Failures, Waits
from services.notification.domain.templates import NEVER_SAVED, Template

NoticeStatus = Literal["due", "prepared", "notified", "failed"]
"""To be composed; stored and to be sent or handed over; delivered; refused permanently."""


@immutable
class OutgoingNotice:
    """A notice and its progress.

    Attributes:
        request: the request's facts as of the notice.
        in_reply_to: Message-ID of the applicant's own e-mail.
        document_id: the stored message, once it is prepared.
        sending: the number of the current sending; None if there is none.
        sendings: the number of sendings so far.
        wanted_since: when the last sending was requested.
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


@immutable
class Correspondence:
    """All notices and office mails about one request.

    Attributes:
        in_reply_to: Message-ID of the e-mail that the request arrived in.
        acknowledged: the acknowledgement is due, or was sent.
        concluded: an outcome is due, or was sent.
        held: the notices of events that arrived before the request, in order.
        outgoing_notices: by id, in the order in which they are sent.
    """

    in_reply_to: str | None = None
    acknowledged: bool = False
    concluded: bool = False
    held: tuple[NoticeHeld, ...] = ()
    outgoing_notices: Mapping[str, OutgoingNotice] = field(default_factory=dict)
    waits: Waits = field(default_factory=dict)
    failures: Failures = ()

    def before(self, outgoing: OutgoingNotice) -> tuple[OutgoingNotice, ...]:
        told = list(self.outgoing_notices.values())
        return tuple(told[: told.index(outgoing)])

    def failure_to_tell(self, name: str) -> Failure | None:
        """The failure to report now. None once it was reported, retried or concluded."""
        last = self.failures[-1] if self.failures else None
        if last is None or last.name != name or last.told or self.concluded:
            return None
        return last


State = Correspondence | Template
"""The correspondence about a request, or an agency's words for one kind of notice."""


def stream_of(request_id: str) -> str:
    """The stream of a request's correspondence."""
    return f"request-{request_id}"


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    match state, event:
        case Template(), TemplateSaved():
            return templates.evolve(state, event)
        case _, TemplateSaved():
            return templates.evolve(NEVER_SAVED, event)
        case Correspondence(), StepAwaited() | StepEnded() | ReminderSent():
            return replace(state, waits=office.waits_after(state.waits, event))
        case Correspondence(), FailureDue() | FailureTold():
            return replace(state, failures=office.failures_after(state.failures, event))
        case Correspondence(), _:
            return _told(state, event)
        case _:
            return state


def _told(state: Correspondence, event: BaseModel) -> Correspondence:
    match event:
        case NoticeHeld(notice=notice):
            concluded = state.concluded or notice.is_outcome
            return replace(state, held=(*state.held, event), concluded=concluded)
        case NoticeDue():
            return _due(state, event)
        case NotificationPrepared() | Notified() | NotificationFailed():
            return _with(state, _moved(state.outgoing_notices[event.notification_id or ""], event))
        case ResendRequested():
            outgoing = state.outgoing_notices[event.notification_id]
            return _with(state, _wanted_again(outgoing, event))
        case SentAgain():
            outgoing = state.outgoing_notices[event.notification_id]
            return _with(state, replace(outgoing, status="notified", sending=None))
        case _:
            return state


def _due(state: Correspondence, event: NoticeDue) -> Correspondence:
    notice = event.notice
    outgoing = OutgoingNotice(
        event.request, notice, event.in_reply_to, wanted_since=event.wanted_at
    )
    return replace(
        _with(state, outgoing),
        in_reply_to=event.in_reply_to,
        acknowledged=True,
        concluded=state.concluded or notice.is_outcome,
        held=tuple(held for held in state.held if held.notice != notice),
    )


def _moved(
    outgoing: OutgoingNotice, event: NotificationPrepared | Notified | NotificationFailed
) -> OutgoingNotice:
    match event:
        case NotificationPrepared():
            first = None if outgoing.notice.on_paper else 1
            return replace(
                outgoing,
                status="prepared",
                document_id=event.document_id,
                sending=first,
                sendings=first or 0,
            )
        case Notified():
            return replace(outgoing, status="notified", sending=None, told=True)
        case NotificationFailed():
            return replace(outgoing, status="failed", sending=None)


def _wanted_again(outgoing: OutgoingNotice, event: ResendRequested) -> OutgoingNotice:
    return replace(
        outgoing,
        status="prepared",
        sending=event.sending,
        sendings=event.sending,
        wanted_since=event.requested_at,
    )


def _with(state: Correspondence, outgoing: OutgoingNotice) -> Correspondence:
    return replace(
        state,
        outgoing_notices={**state.outgoing_notices, outgoing.notice.notification_id: outgoing},
    )
