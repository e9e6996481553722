"""What notification does about each consumed event and each call, and how the e-mails of a whole wave are made before it is decided."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.routes import CommandContext
from bmt.chassis.messaging.dispatch import Complete
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.documents import CHUNK_BYTES, DocumentStore, SmallDocument
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
from bmt.contracts.values import Submitter, immutable
from services.notification.channels import Render
from services.notification.domain import correspondence_rules
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Command,
    Composed,
    Correspondence,
    Dispatch,
    Notify,
    NotifyOfDelay,
    ReportFailure,
    Resend,
    stream_of,
)
from services.notification.domain.events import NoticeDue, Step
from services.notification.domain.notice import Notice, OutgoingNotice
from services.notification.domain.notification_policy import (
    NotificationPolicy,
    notification_policy_of,
)
from services.notification.wording.composer import (
    Compose,
    Composer,
    FindOwnWords,
    Kind,
    OwnWords,
    readable,
)


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
    approval_reason = incoming.data.approval_reason
    reason = readable(approval_reason) if approval_reason else None
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
    command = ReportFailure(failed.request, failed.target, failed.retryable, incoming.time)
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


def notify_of_delay(
    request_id: str, notice: Notice, context: CommandContext, clock: Clock
) -> Message[Command]:
    """Tell the applicant that the configuration takes longer, for an administrator."""
    command = NotifyOfDelay(notice, context.principal.agency, clock())
    return context.to_command(stream_of(request_id), command)


def _notice_of(
    incoming: IncomingEvent[RequestEvent], about: About, clock: Clock, **details: Any
) -> Message[Compose]:
    request = incoming.data.request
    return _composed(incoming, about, lambda notice: Notify(request, notice, clock()), **details)


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


log = structlog.get_logger(__name__)

AT_HAND: Final = 1_000
"""The number of stored e-mails kept in memory until they are sent."""
AT_HAND_BYTES: Final = 16 * 1024
"""The size of the largest e-mail kept in memory. Most have a few kilobytes."""


@immutable
class _Made:
    """A message and its notice."""

    due: NoticeDue
    document: SmallDocument


def composing(
    execution: Execution[Any, Any],
    documents: DocumentStore,
    composer: Composer,
    find_words: FindOwnWords,
    render: Render,
    at_hand: LruCache[str, bytes],
) -> Complete:
    """Composes the notices of a wave, and adds stored e-mails to the commands they belong to.

    `at_hand` receives the messages by document id.
    """

    async def complete(
        messages: Sequence[Message[Any]],
    ) -> Sequence[Message[Command] | Exception]:
        kinds = {one.command.kind for one in messages if isinstance(one.command, Compose)}
        own = await find_words(kinds) if kinds else {}
        written = [_written(one, composer, own) for one in messages]
        with_notice = [
            one
            for one in written
            if isinstance(one, Message) and isinstance(one.command, Acknowledge | Notify)
        ]
        if not with_notice:
            return written
        states = await execution.known_states({one.stream for one in with_notice})
        made = {one.causation: await _made(one, states, render) for one in with_notice}
        new = [each.document for one in made.values() for each in one]
        if not new or not await _stored(documents, new):
            return written
        crash_points.reached("notification.handlers.stored")
        for document in new:
            if len(document.content) <= AT_HAND_BYTES:
                at_hand.put(document.document_id, document.content)
        return [
            _with(one, made.get(one.causation, ())) if isinstance(one, Message) else one
            for one in written
        ]

    return complete


def _written(
    message: Message[Any], composer: Composer, own: Mapping[Kind, OwnWords]
) -> Message[Command] | Exception:
    """The message with its notice composed. An error concerns this event alone, and parks it."""
    compose = message.command
    if not isinstance(compose, Compose):
        return message
    try:
        event = compose.incoming
        notice = composer.notice(
            event.id,
            event.time,
            event.data.request,
            compose.about,
            own.get(compose.kind),
            **compose.details,
        )
        return message.with_command(compose.command(notice))
    except Exception as error:  # noqa: BLE001  its event is parked with its reason
        return error


async def _made(
    message: Message[Command], states: Mapping[str, Correspondence], render: Render
) -> Sequence[_Made]:
    """The e-mails that a command leads to on the known state. Empty if one cannot be made."""
    command = message.command
    if not isinstance(command, Acknowledge | Notify):
        return ()
    try:
        events = correspondence_rules.decide(command, states[message.stream])
        made = [
            _Made(event, await _document(event, render))
            for event in events
            if isinstance(event, NoticeDue) and not event.notice.on_paper
        ]
    except Exception:
        log.exception("email_not_composed", request_id=command.request.request_id)
        return ()
    return [one for one in made if len(one.document.content) <= CHUNK_BYTES]


async def _document(due: NoticeDue, render: Render) -> SmallDocument:
    rendered = await render(OutgoingNotice(due.request, due.notice, due.in_reply_to, due.wanted_at))
    document_id = f"sha256:{hashlib.sha256(rendered.content).hexdigest()}"
    return SmallDocument(document_id, rendered.content, rendered.filename, rendered.media_type)


async def _stored(documents: DocumentStore, new: Sequence[SmallDocument]) -> bool:
    """Whether the e-mails are durable. If not, a worker stores each one.

    Raises:
        Unavailable: a part is down; the wave may be repeated.
    """
    try:
        await documents.put_small(new)
    except Unavailable:
        raise
    except Exception:
        log.exception("emails_not_stored", emails=len(new))
        return False
    return True


def _with(message: Message[Command], made: Sequence[_Made]) -> Message[Command]:
    if not made or not isinstance(message.command, Acknowledge | Notify):
        return message
    composed = tuple(Composed(one.due, one.document.document_id) for one in made)
    return message.with_command(replace(message.command, composed=composed))
