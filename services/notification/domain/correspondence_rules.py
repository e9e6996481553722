"""The rules of SOP step 4: which events a command to a correspondence leads to.

An acknowledgement, then exactly one outcome, each sent once; on paper the outcome alone, if it is there before
the acknowledgement was handed over. Each step of the office is awaited, reminded
of once and escalated once; each failed configuration is reported to it once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event, NotificationFailed, NotificationPrepared, Notified
from bmt.contracts.values import Submitter
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Command,
    Composed,
    Correspondence,
    Dispatch,
    Notify,
    NotifyOfDelay,
    RecordFailureSent,
    RecordPrepared,
    RecordRefused,
    RecordReminder,
    RecordSent,
    ReportFailure,
    Resend,
    Wait,
    evolve,
)
from services.notification.domain.errors import (
    AlreadyHandedOver,
    NotByEmail,
    NothingFailed,
    NotOnPaper,
    NotPreparedYet,
    UnknownNotice,
    UnknownRequest,
)
from services.notification.domain.events import (
    AcknowledgementSuperseded,
    FailureDue,
    FailureTold,
    NoticeDue,
    NoticeHeld,
    ReminderSent,
    ResendRequested,
    SentAgain,
    StepAwaited,
    StepEnded,
)
from services.notification.domain.notice import Notice, OutgoingNotice


def decide(command: Command, state: Correspondence) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        Refused: one of `errors`.
    """
    return _RULES[type(command)](command, state)


def _acknowledge(command: Acknowledge, state: Correspondence) -> Sequence[Event]:
    """Acknowledge once, then send the held notices. A correction is acknowledged at a new address.

    If the address was wrong before, the applicant has no acknowledgement yet.
    """
    if state.acknowledged and (
        state.concluded or not _is_to_another_address(command.notice, state)
    ):
        return []
    notices = [
        (command.request, command.notice),
        *((one.request, one.notice) for one in state.held),
    ]
    due = [
        NoticeDue(
            request=request,
            notice=notice,
            wanted_at=command.at,
            in_reply_to=command.email_message_id,
        )
        for request, notice in notices
    ]
    return _with_messages(due, command.composed, state)


def _is_to_another_address(notice: Notice, state: Correspondence) -> bool:
    emails = [
        outgoing.notice
        for outgoing in state.outgoing_notices.values()
        if not outgoing.notice.on_paper
    ]
    known = {one.recipient.casefold() for one in emails}
    known |= {one.copy_to.casefold() for one in emails if one.copy_to}
    return bool(known) and not notice.on_paper and notice.recipient.casefold() not in known


def _notify(command: Notify, state: Correspondence) -> Sequence[Event]:
    """No notice is sent after the outcome, or before the acknowledgement.

    The topics of different services have no common order, so a decision may arrive before the
    request. Any such event shows that the office did what was awaited.
    """
    if state.concluded:
        return []
    return [*_due_or_held(command, state), *_steps_ended(state)]


def _due_or_held(command: Notify, state: Correspondence) -> Sequence[Event]:
    if not state.acknowledged:
        return [NoticeHeld(request=command.request, notice=command.notice)]
    due = NoticeDue(
        request=command.request,
        notice=command.notice,
        wanted_at=command.at,
        in_reply_to=state.in_reply_to,
    )
    return _with_messages([due], command.composed, state)


def _notify_of_delay(command: NotifyOfDelay, state: Correspondence) -> Sequence[Event]:
    """Only here is the applicant notified of the approval alone; otherwise the notice of the outcome contains it."""
    if state.facts is None or state.facts.agency != command.agency:
        raise UnknownRequest
    if state.concluded or not state.failures:
        raise NothingFailed
    return [
        NoticeDue(
            request=state.facts,
            notice=command.notice,
            wanted_at=command.at,
            in_reply_to=state.in_reply_to,
        )
    ]


def _with_messages(
    due: Sequence[NoticeDue], composed: Sequence[Composed], state: Correspondence
) -> Sequence[Event]:
    """Each notice, prepared at once if its message is stored.

    Messages of a request are prepared in order: none before one that is still to be composed.
    """
    events: list[Event] = []
    in_order = all(outgoing.status != "due" for outgoing in state.outgoing_notices.values())
    for one in due:
        document_id = next((each.document_id for each in composed if each.due == one), None)
        in_order = in_order and document_id is not None
        if in_order:
            notice = one.notice.model_copy(update={"content": None})
            events += [
                one.model_copy(update={"notice": notice}),
                *_stored(OutgoingNotice(one.request, notice, None, one.wanted_at), document_id),
            ]
        else:
            events.append(one)
    return events


def _record_prepared(command: RecordPrepared, state: Correspondence) -> Sequence[Event]:
    """The user gets one paper: an earlier one that is still here goes with the outcome's.

    A paper that was handed over all the same is recorded as before.
    """
    outgoing = state.outgoing_notices[command.notification_id]
    if outgoing.status != "due":
        return []
    stored = _stored(outgoing, command.document_id)
    if not (outgoing.notice.is_outcome and outgoing.notice.on_paper):
        return stored
    return [
        *stored,
        *(
            AcknowledgementSuperseded(
                request=one.request,
                notification_id=one.notice.notification_id,
                by=command.notification_id,
            )
            for one in state.before(outgoing)
            if one.notice.on_paper and one.status == "prepared"
        ),
    ]


def _stored(outgoing: OutgoingNotice, document_id: str | None) -> Sequence[Event]:
    """The message is prepared, and by the agency's rule perhaps also delivered."""
    facts = _facts(replace(outgoing, document_id=document_id))
    if outgoing.notice.on_paper and outgoing.notice.on_preparation:
        return [NotificationPrepared(**facts), Notified(**facts)]
    return [NotificationPrepared(**facts)]


def _record_result(command: RecordSent | RecordRefused, state: Correspondence) -> Sequence[Event]:
    """Only the result of the current sending counts. A delivered notice stays delivered."""
    outgoing = state.outgoing_notices[command.notification_id]
    if outgoing.sending != command.sending:
        return []
    if isinstance(command, RecordRefused):
        return [NotificationFailed(**_facts(outgoing), reason=command.reason)]
    if outgoing.told:
        return [
            SentAgain(
                request=outgoing.request,
                notification_id=command.notification_id,
                sending=command.sending,
            )
        ]
    return [Notified(**_facts(outgoing))]


def _dispatch(command: Dispatch, state: Correspondence) -> Sequence[Event]:
    outgoing = _outgoing(state, command.notification_id, command.agency)
    if not outgoing.notice.on_paper:
        raise NotOnPaper
    if outgoing.status == "due":
        raise NotPreparedYet
    if outgoing.status == "notified":
        raise AlreadyHandedOver
    return [Notified(**_facts(outgoing, command.by), reason=command.note)]


def _resend(command: Resend, state: Correspondence) -> Sequence[Event]:
    """A message that is already on its way is not sent twice."""
    outgoing = _outgoing(state, command.notification_id, command.agency)
    if outgoing.notice.on_paper:
        raise NotByEmail
    if outgoing.status == "due" or outgoing.sending is not None:
        return []
    return [
        ResendRequested(
            request=outgoing.request,
            notification_id=command.notification_id,
            sending=outgoing.sendings + 1,
            requested_by=command.by,
            requested_at=command.at,
        )
    ]


def _outgoing(state: Correspondence, notification_id: str, agency: str | None) -> OutgoingNotice:
    """The notice, for a caller of `agency` (None: of all). Others get the error of an unknown id."""
    outgoing = state.outgoing_notices.get(notification_id)
    if outgoing is None or agency not in (None, outgoing.request.agency):
        raise UnknownNotice
    return outgoing


def _facts(outgoing: OutgoingNotice, by: Submitter | None = None) -> dict[str, Any]:
    """The fields of every event about a notice."""
    notice = outgoing.notice
    return {
        "request": outgoing.request,
        "about": notice.about,
        "channel": notice.channel,
        "recipient": notice.recipient,
        "message_id": notice.message_id,
        "document_id": outgoing.document_id,
        "notification_id": notice.notification_id,
        "handed_over_by": by,
    }


def _await_step(command: AwaitStep, state: Correspondence) -> Sequence[Event]:
    """Start a wait and end the others. A wait for the same step with the same due date continues.

    Nothing but confirming is awaited after the outcome, which may arrive first from another topic.
    """
    waits, after = state.waits.values(), command.step == "confirm"
    if (state.concluded and not after) or any(_is_the_same(wait, command) for wait in waits):
        return []
    return [
        *_steps_ended(state),
        StepAwaited(
            request=command.request,
            step=command.step,
            wait=1 + sum(wait.step == command.step for wait in waits),
            remind_at=command.remind_at,
            due_at=command.due_at,
            only=command.only,
            grants=command.grants,
        ),
    ]


def _is_the_same(wait: Wait, command: AwaitStep) -> bool:
    """A wait with one mail is never another's."""
    return (
        command.only is None
        and not wait.ended
        and (wait.step, wait.due_at) == (command.step, command.due_at)
    )


def _steps_ended(state: Correspondence) -> Sequence[Event]:
    return [
        StepEnded(request=wait.request, step=wait.step, wait=wait.number)
        for wait in state.waits.values()
        if not wait.ended
    ]


def _record_reminder(command: RecordReminder, state: Correspondence) -> Sequence[Event]:
    """Record a sent mail once, even if the step ended while it was being sent."""
    wait = state.waits[command.wait]
    if command.level in wait.sent:
        return []
    return [
        ReminderSent(
            request=wait.request,
            step=wait.step,
            wait=wait.number,
            level=command.level,
            message_id=command.message_id,
            recipient=command.recipient,
        )
    ]


def _report_failure(command: ReportFailure, state: Correspondence) -> Sequence[Event]:
    """Every failure counts as a new one, until the outcome."""
    if state.concluded:
        return []
    return [
        FailureDue(
            request=command.request,
            failure=len(state.failures) + 1,
            target=command.target,
            retryable=command.retryable,
            failed_at=command.failed_at,
        )
    ]


def _record_failure_sent(command: RecordFailureSent, state: Correspondence) -> Sequence[Event]:
    """Record the sent mail once."""
    failure = state.failures[command.failure - 1]
    if failure.told:
        return []
    return [
        FailureTold(
            request=failure.request,
            failure=command.failure,
            message_id=command.message_id,
            recipient=command.recipient,
        )
    ]


_Rule = Callable[[Any, Correspondence], Sequence[Event]]

_RULES: Final[Mapping[type[Command], _Rule]] = MappingProxyType(
    {
        Acknowledge: _acknowledge,
        Notify: _notify,
        NotifyOfDelay: _notify_of_delay,
        RecordPrepared: _record_prepared,
        RecordSent: _record_result,
        RecordRefused: _record_result,
        Dispatch: _dispatch,
        Resend: _resend,
        AwaitStep: _await_step,
        RecordReminder: _record_reminder,
        ReportFailure: _report_failure,
        RecordFailureSent: _record_failure_sent,
    }
)


DECIDER: Final[Decider[Command, Correspondence]] = Decider(Correspondence(), decide, evolve)
