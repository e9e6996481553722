"""What notification does about each event heard and each call: one verb each."""

from collections.abc import Callable
from typing import Any

from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import Heard, Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.idempotency import CommandContext
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.events import (
    About,
    Approved,
    ConfigurationFailed,
    Configured,
    Rejected,
    RequestEvent,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    Withdrawn,
)
from bmt.contracts.values import Submitter
from services.notification.domain.commands import Acknowledge, Command, Dispatch, Resend, Tell
from services.notification.domain.failures import TellOfFailure
from services.notification.domain.notice import Notice
from services.notification.domain.practice import practice_of
from services.notification.domain.waits import AwaitStep
from services.notification.wording.composer import Compose, readable


async def acknowledge(heard: Heard[RequestReceived], clock: Clock) -> Message[Compose]:
    """A request was received: its applicant is told so."""
    request, thread = heard.data.request, heard.data.email_message_id
    return _composed(
        heard,
        "acknowledgement",
        lambda notice: Acknowledge(request, notice, clock(), thread),
        quota_bytes=request.quota_bytes,
        max_file_size_bytes=request.max_file_size_bytes,
    )


async def tell_of_rejection(heard: Heard[Rejected], clock: Clock) -> Message[Compose]:
    """It was rejected: the applicant is told why."""
    return _told(heard, "rejected", clock, reason=readable(heard.data.reason))


async def tell_of_return(heard: Heard[ReturnedForCorrection], clock: Clock) -> Message[Compose]:
    """It needs a correction: the applicant is told which."""
    return _told(heard, "returned", clock, reason=readable(heard.data.reason))


async def tell_of_withdrawal(heard: Heard[Withdrawn], clock: Clock) -> Message[Compose]:
    """It was withdrawn in time: the applicant is told that nothing more will come of it."""
    return _told(heard, "withdrawn", clock)


async def tell_of_configuration(heard: Heard[Configured], clock: Clock) -> Message[Compose]:
    """It is in force: the applicant is told what can be used now, or that the service ended."""
    if heard.data.request.kind == "termination":
        return _told(heard, "terminated", clock)
    effective = heard.data.effective
    largest = (effective.ipms.max_file_size_bytes, effective.storage.max_file_size_bytes)
    return _told(
        heard,
        "configured",
        clock,
        quota_bytes=effective.storage.quota_bytes,
        max_file_size_bytes=min((size for size in largest if size is not None), default=None),
    )


async def await_decision(heard: Heard[ReviewOpened], agencies: Agencies) -> Message[Command] | None:
    """It stands on the worklist: the office is reminded of it in time, where it wants to be."""
    practice = practice_of(heard.data.request.agency, agencies)
    if not practice.reminds:
        return None
    due_at = heard.data.due_at
    remind_at = practice.remind_at(heard.time, due_at)
    command = AwaitStep(heard.data.request, "decide", remind_at, due_at)
    return heard.leads_to(_stream(heard.subject), command)


async def await_configuration(
    heard: Heard[Approved], agencies: Agencies
) -> Message[Command] | None:
    """It is decided, and has to be configured: the charter's days begin anew."""
    practice = practice_of(heard.data.request.agency, agencies)
    if not practice.reminds:
        return None
    decided_at = heard.data.decided_at
    due_at = practice.configured_by(decided_at)
    remind_at = practice.remind_at(decided_at, due_at)
    command = AwaitStep(heard.data.request, "configure", remind_at, due_at)
    return heard.leads_to(_stream(heard.subject), command)


async def tell_office_of_failure(
    heard: Heard[ConfigurationFailed], agencies: Agencies
) -> Message[Command] | None:
    """The configuration failed and waits for a person: the office is told, where it has an address."""
    failed = heard.data
    if practice_of(failed.request.agency, agencies).told_of_failures is None:
        return None
    command = TellOfFailure(failed.request, failed.target, failed.retryable, heard.time)
    return heard.leads_to(_stream(heard.subject), command)


async def dispatch(
    request_id: str,
    notification_id: str,
    note: str | None,
    context: CommandContext,
    execution: Execution[Any, Any],
) -> Executed:
    """An administrator says that a paper was handed over.

    Raises:
        Refused: as the decider says.
    """
    by = Submitter(subject=context.principal.subject, role="administrator")
    command = Dispatch(notification_id, context.principal.agency, by, note)
    return await execution.execute(_called(request_id, context, command))


async def resend(
    request_id: str,
    notification_id: str,
    context: CommandContext,
    execution: Execution[Any, Any],
    clock: Clock,
) -> Executed:
    """An administrator or an operator wants the same e-mail to be sent once more.

    Raises:
        Refused: as the decider says.
    """
    caller = context.principal
    role = "operator" if caller.has("operator") else "administrator"
    agency = None if role == "operator" else caller.agency
    by = Submitter(subject=caller.subject, role=role)
    command = Resend(notification_id, agency, by, clock())
    return await execution.execute(_called(request_id, context, command))


def _told(
    heard: Heard[RequestEvent], about: About, clock: Clock, **details: Any
) -> Message[Compose]:
    request = heard.data.request
    return _composed(heard, about, lambda notice: Tell(request, notice, clock()), **details)


def _composed(
    heard: Heard[RequestEvent],
    about: About,
    command: Callable[[Notice], Command],
    **details: Any,
) -> Message[Compose]:
    return heard.leads_to(_stream(heard.subject), Compose(heard, about, command, details))


def _called(request_id: str, context: CommandContext, command: Command) -> Message[Command]:
    return Message(
        stream=_stream(request_id),
        causation=context.causation,
        fingerprint=context.fingerprint,
        command=command,
        traceparent=context.traceparent,
    )


def _stream(request_id: str) -> str:
    return f"request-{request_id}"
