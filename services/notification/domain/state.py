"""What was told about one request so far, and how events lead from one state to the next."""

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
"""To be composed; stored and on its way (or waiting to be handed over); told; refused for good."""


@immutable
class OutgoingNotice:
    """A notice and what became of it.

    Attributes:
        request: the request's facts as the notice tells them.
        notice: what is told.
        in_reply_to: Message-ID of the applicant's own e-mail.
        status: where it stands.
        document_id: the message as stored, once it is prepared.
        sending: number of the sending that is under way; None when none is.
        sendings: how many there were, that one included.
        wanted_since: when the last sending was asked for.
        told: whether it ever arrived.
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
    """All that is told about one request.

    Attributes:
        in_reply_to: Message-ID of the e-mail that the request came by.
        acknowledged: whether the receipt was told, or is about to be.
        concluded: whether an outcome was told, or is about to be.
        held: what was heard before the request itself, in order.
        slips: the notices by id, in the order in which they are told.
        waits: what the office was waited for (client charter).
        failures: of its configuration, which the office is told of.
    """

    in_reply_to: str | None = None
    acknowledged: bool = False
    concluded: bool = False
    held: tuple[NoticeHeld, ...] = ()
    outgoing_notices: Mapping[str, OutgoingNotice] = field(default_factory=dict)
    waits: Waits = field(default_factory=dict)
    failures: Failures = ()

    def before(self, outgoing: OutgoingNotice) -> tuple[OutgoingNotice, ...]:
        """The notices that are told before this one."""
        told = list(self.outgoing_notices.values())
        return tuple(told[: told.index(outgoing)])

    def failure_to_tell(self, name: str) -> Failure | None:
        """The failure that the office is to be told of now: not once it was told, or is past."""
        last = self.failures[-1] if self.failures else None
        if last is None or last.name != name or last.told or self.concluded:
            return None
        return last


State = Correspondence | Template
"""What is told about a request; or an agency's words for one kind of notice."""


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
