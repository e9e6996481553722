"""What notification does about each consumed event and each call."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import (
    About,
    Approved,
    ConfigurationFailed,
    Configured,
    ConfirmationsAwaited,
    Rejected,
    RequestEvent,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.values import Submitter
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Command,
    Dispatch,
    Resend,
    Tell,
    TellOfDelay,
    TellOfFailure,
    stream_of,
)
from services.notification.domain.events import Step
from services.notification.domain.notice import Notice
from services.notification.domain.notification_policy import (
    NotificationPolicy,
    notification_policy_of,
)
from services.notification.wording.composer import Compose, readable


async def acknowledge(incoming: IncomingEvent[RequestReceived], clock: Clock) -> Message[Compose]:
    """Send the applicant an acknowledgement of the request."""
    request, thread = incoming.data.request, incoming.data.email_message_id
    return _composed(
        incoming,
        "acknowledgement",
        lambda notice: Acknowledge(request, notice, clock(), thread),
        quota_bytes=request.quota_bytes,
        max_file_size_bytes=request.max_file_size_bytes,
    )


async def notify_of_decision(
    incoming: IncomingEvent[Rejected | ReturnedForCorrection | Withdrawn], clock: Clock
) -> Message[Compose]:
    """Send the applicant a decision other than an approval, with its reason."""
    match incoming.data:
        case Withdrawn():
            return _notice_of(incoming, "withdrawn", clock)
        case ReturnedForCorrection(reason=reason):
            return _notice_of(incoming, "returned", clock, reason=readable(reason))
        case Rejected(reason=reason):
            return _notice_of(incoming, "rejected", clock, reason=readable(reason))


async def notify_of_configuration(
    incoming: IncomingEvent[Configured], clock: Clock
) -> Message[Compose]:
    """Send the applicant what is now in force, or that the service ended, with the approver's reason."""
    said = incoming.data.approval_reason
    reason = readable(said) if said else None
    if incoming.data.request.kind == "termination":
        return _notice_of(incoming, "terminated", clock, reason=reason)
    effective = incoming.data.effective
    largest = (effective.ipms.max_file_size_bytes, effective.storage.max_file_size_bytes)
    return _notice_of(
        incoming,
        "configured",
        clock,
        reason=reason,
        quota_bytes=effective.storage.quota_bytes,
        max_file_size_bytes=min((size for size in largest if size is not None), default=None),
    )


async def await_decision(
    incoming: IncomingEvent[ReviewOpened], agencies: Agencies
) -> Message[Command] | None:
    """Await the decision, if the office has an address for reminders."""
    policy = notification_policy_of(incoming.data.request.agency, agencies)
    return _awaited(incoming, "decide", policy, incoming.time, incoming.data.due_at)


async def await_configuration(
    incoming: IncomingEvent[Approved], agencies: Agencies
) -> Message[Command] | None:
    """Await the configuration. The charter counts its days from the decision."""
    policy = notification_policy_of(incoming.data.request.agency, agencies)
    decided_at = incoming.data.decided_at
    due_at = policy.configured_by(decided_at)
    return _awaited(incoming, "configure", policy, decided_at, due_at)


async def await_confirmations(
    incoming: IncomingEvent[ConfirmationsAwaited], agencies: Agencies
) -> Message[Command] | None:
    """One mail about all grants that wait, if the office has an address for reminders."""
    awaited = incoming.data
    if not notification_policy_of(awaited.request.agency, agencies).reminds:
        return None
    step = AwaitStep(
        awaited.request,
        "confirm",
        incoming.time,
        awaited.answer_by,
        awaited.level,
        awaited.grants,
    )
    return incoming.to_command(stream_of(incoming.subject), step)


async def report_failure_to_office(
    incoming: IncomingEvent[ConfigurationFailed],
) -> Message[Command]:
    """Report a failed configuration to the office. Without an address it is known here all the same."""
    failed = incoming.data
    command = TellOfFailure(failed.request, failed.target, failed.retryable, incoming.time)
    return incoming.to_command(stream_of(incoming.subject), command)


def dispatch(
    request_id: str, notification_id: str, note: str | None, context: CommandContext
) -> Message[Command]:
    """Record that an administrator handed a paper over."""
    by = Submitter(subject=context.principal.subject, role="administrator")
    command = Dispatch(notification_id, context.principal.agency, by, note)
    return context.to_command(stream_of(request_id), command)


def resend(
    request_id: str, notification_id: str, context: CommandContext, clock: Clock
) -> Message[Command]:
    """Send the same e-mail again, for an administrator or an operator."""
    caller = context.principal
    role = "operator" if caller.has("operator") else "administrator"
    agency = None if role == "operator" else caller.agency
    by = Submitter(subject=caller.subject, role=role)
    command = Resend(notification_id, agency, by, clock())
    return context.to_command(stream_of(request_id), command)


def tell_of_delay(
    request_id: str, notice: Notice, context: CommandContext, clock: Clock
) -> Message[Command]:
    """Tell the applicant that the configuration takes longer, for an administrator."""
    command = TellOfDelay(notice, context.principal.agency, clock())
    return context.to_command(stream_of(request_id), command)


def _notice_of(
    incoming: IncomingEvent[RequestEvent], about: About, clock: Clock, **details: Any
) -> Message[Compose]:
    request = incoming.data.request
    return _composed(incoming, about, lambda notice: Tell(request, notice, clock()), **details)


def _composed(
    incoming: IncomingEvent[RequestEvent],
    about: About,
    command: Callable[[Notice], Command],
    **details: Any,
) -> Message[Compose]:
    return incoming.to_command(
        stream_of(incoming.subject), Compose(incoming, about, command, details)
    )


def _awaited(
    incoming: IncomingEvent[RequestEvent],
    step: Step,
    policy: NotificationPolicy,
    since: datetime,
    due_at: datetime,
) -> Message[Command] | None:
    if not policy.reminds:
        return None
    remind_at = policy.remind_at(since, due_at)
    command = AwaitStep(incoming.data.request, step, remind_at, due_at)
    return incoming.to_command(stream_of(incoming.subject), command)
