"""The correspondence about one request: its commands, its state and how events change it.

It holds the notices to the applicant, and the mails that remind the agency's office: of steps that the
client charter promises, and of failed configurations. Its rules are in `correspondence_rules`.
"""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from pydantic import BaseModel

from bmt.contracts.events import (
    NotificationFailed,
    NotificationPrepared,
    Notified,
    RequestFacts,
    Target,
)
from bmt.contracts.values import Submitter, immutable
from services.notification.domain.events import (
    AcknowledgementSuperseded,
    FailureDue,
    FailureTold,
    Level,
    NoticeDue,
    NoticeHeld,
    Progress,
    ReminderSent,
    ResendRequested,
    SentAgain,
    Step,
    StepAwaited,
    StepEnded,
)
from services.notification.domain.notice import Notice, OutgoingNotice


def stream_of(request_id: str) -> str:
    """The stream of a request's correspondence."""
    return f"request-{request_id}"


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
class Notify:
    """Send a notice about what became of the request. `composed` is as for `Acknowledge`."""

    request: RequestFacts
    notice: Notice
    at: datetime
    composed: tuple[Composed, ...] = ()


@immutable
class NotifyOfDelay:
    """An administrator of `agency` tells the applicant that the configuration failed and takes longer."""

    notice: Notice
    agency: str
    at: datetime


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


@immutable
class AwaitStep:
    """The office must do a step from now on. Any earlier step is done. `only` and `grants` are as in `StepAwaited`."""

    request: RequestFacts
    step: Step
    remind_at: datetime
    due_at: datetime
    only: Level | None = None
    grants: int | None = None


@immutable
class RecordReminder:
    """The mail server accepted a reminder. `wait` is the name of a wait."""

    wait: str
    level: Level
    message_id: str
    recipient: str


@immutable
class ReportFailure:
    """The office must know that `target` refused at `failed_at`."""

    request: RequestFacts
    target: Target
    retryable: bool
    failed_at: datetime


@immutable
class RecordFailureSent:
    """The mail server accepted the mail about this failure. `failure` is its number."""

    failure: int
    message_id: str
    recipient: str


Command = (
    Acknowledge
    | Notify
    | NotifyOfDelay
    | RecordPrepared
    | RecordSent
    | RecordRefused
    | Dispatch
    | Resend
    | AwaitStep
    | RecordReminder
    | ReportFailure
    | RecordFailureSent
)


@immutable
class Wait:
    """A step that is awaited.

    Attributes:
        number: counts the waits for this step from 1. A correction starts another one.
        grants: how many are to be confirmed, if that is the step.
        ended: the step is done, or no longer needed.
        sent: which mails were sent.
    """

    request: RequestFacts
    step: Step
    number: int
    remind_at: datetime
    due_at: datetime
    grants: int | None = None
    ended: bool = False
    sent: frozenset[Level] = frozenset()

    @property
    def name(self) -> str:
        return wait_name(self.step, self.number)

    def is_to_send(self, level: Level, now: datetime) -> bool:
        """Whether this mail is still to be sent. A reminder is too late once the step is overdue."""
        in_time = level == "escalation" or now < self.due_at
        return not self.ended and level not in self.sent and in_time


def wait_name(step: Step, number: int) -> str:
    """Names a wait within its request."""
    return f"{step}-{number}"


@immutable
class Failure:
    """A failed configuration.

    Attributes:
        number: counts the failures of the request from 1. A retry may fail again.
        retryable: whether trying again can help.
        told: whether the mail about it was sent.
    """

    request: RequestFacts
    number: int
    target: Target
    retryable: bool
    failed_at: datetime
    told: bool = False

    @property
    def name(self) -> str:
        return failure_name(self.number)


def failure_name(number: int) -> str:
    """Names a failure within its request."""
    return f"failure-{number}"


@immutable
class Correspondence:
    """All notices and office mails about one request.

    Attributes:
        in_reply_to: Message-ID of the e-mail that the request arrived in.
        acknowledged: the acknowledgement is due, or was sent.
        concluded: an outcome is due, or was sent.
        held: the notices of events that arrived before the request, in order.
        outgoing_notices: by id, in the order in which they are sent.
        waits: by name, earliest first.
        failures: earliest first.
    """

    in_reply_to: str | None = None
    acknowledged: bool = False
    concluded: bool = False
    held: tuple[NoticeHeld, ...] = ()
    outgoing_notices: Mapping[str, OutgoingNotice] = field(default_factory=dict)
    waits: Mapping[str, Wait] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()

    def before(self, outgoing: OutgoingNotice) -> tuple[OutgoingNotice, ...]:
        in_order = list(self.outgoing_notices.values())
        return tuple(in_order[: in_order.index(outgoing)])

    @property
    def facts(self) -> RequestFacts | None:
        """The request, as the last notice has it."""
        last = list(self.outgoing_notices.values())[-1:]
        return last[0].request if last else None

    def failure_to_report(self, name: str) -> Failure | None:
        """The failure to report now. None once it was reported, retried or concluded."""
        last = self.failures[-1] if self.failures else None
        if last is None or last.name != name or last.told or self.concluded:
            return None
        return last


def evolve(state: Correspondence, event: BaseModel) -> Correspondence:
    """The state after `event`."""
    match event:
        case NoticeHeld(notice=notice):
            concluded = state.concluded or notice.is_outcome
            return replace(state, held=(*state.held, event), concluded=concluded)
        case NoticeDue():
            return _due(state, event)
        case StepAwaited() | StepEnded() | ReminderSent():
            return replace(state, waits=_waits_after(state.waits, event))
        case FailureDue() | FailureTold():
            return replace(state, failures=_failures_after(state.failures, event))
        case _ if isinstance(event, Progress):
            outgoing = state.outgoing_notices[event.notification_id or ""]
            return _with(state, _progressed(outgoing, event))
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
        held=tuple(
            held for held in state.held if held.notice.notification_id != notice.notification_id
        ),
    )


def _progressed(outgoing: OutgoingNotice, event: Progress) -> OutgoingNotice:
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
        case ResendRequested(sending=sending):
            return replace(
                outgoing,
                status="prepared",
                sending=sending,
                sendings=sending,
                wanted_since=event.requested_at,
            )
        case SentAgain():
            return replace(outgoing, status="notified", sending=None)
        case AcknowledgementSuperseded():
            return replace(outgoing, status="superseded")


def _with(state: Correspondence, outgoing: OutgoingNotice) -> Correspondence:
    return replace(
        state,
        outgoing_notices={**state.outgoing_notices, outgoing.notice.notification_id: outgoing},
    )


def _waits_after(
    waits: Mapping[str, Wait], event: StepAwaited | StepEnded | ReminderSent
) -> Mapping[str, Wait]:
    name = wait_name(event.step, event.wait)
    match event:
        case StepAwaited():
            wait = Wait(
                event.request, event.step, event.wait, event.remind_at, event.due_at, event.grants
            )
        case StepEnded():
            wait = replace(waits[name], ended=True)
        case ReminderSent(level=level):
            wait = replace(waits[name], sent=waits[name].sent | {level})
    return {**waits, name: wait}


def _failures_after(
    failures: tuple[Failure, ...], event: FailureDue | FailureTold
) -> tuple[Failure, ...]:
    if isinstance(event, FailureTold):
        reported = replace(failures[event.failure - 1], told=True)
        return (*failures[: event.failure - 1], reported, *failures[event.failure :])
    failure = Failure(event.request, event.failure, event.target, event.retryable, event.failed_at)
    return (*failures, failure)
