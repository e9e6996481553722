"""What follows from a command: an acknowledgement, then exactly one outcome, each sent once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bmt.contracts.events import Event, NotificationFailed, NotificationPrepared, Notified
from bmt.contracts.values import Submitter
from services.notification.domain import office, templates
from services.notification.domain.commands import (
    Acknowledge,
    Command,
    Composed,
    Dispatch,
    OfNotices,
    OfTheOffice,
    RecordPrepared,
    RecordRefused,
    RecordSent,
    Resend,
    Tell,
)
from services.notification.domain.errors import (
    AlreadyHandedOver,
    NotByEmail,
    NotOnPaper,
    NotPreparedYet,
    UnknownNotice,
)
from services.notification.domain.events import NoticeDue, NoticeHeld, ResendRequested, SentAgain
from services.notification.domain.notice import Notice
from services.notification.domain.office import (
    AwaitStep,
    RecordFailureTold,
    RecordReminder,
    TellOfFailure,
)
from services.notification.domain.state import Correspondence, OutgoingNotice, State
from services.notification.domain.templates import NEVER_SAVED, SaveWords, Template


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        Refused: one of `errors` or of `templates`.
    """
    if isinstance(command, SaveWords):
        return templates.decide(command, state if isinstance(state, Template) else NEVER_SAVED)
    correspondence = state if isinstance(state, Correspondence) else Correspondence()
    if isinstance(command, OfTheOffice):
        return _about_the_office(command, correspondence)
    return _about_notices(command, correspondence)


def _about_the_office(command: OfTheOffice, state: Correspondence) -> Sequence[Event]:
    """Nothing is awaited after the outcome, which may arrive first from another topic."""
    match command:
        case RecordReminder():
            return office.reminded(command, state.waits)
        case RecordFailureTold():
            return office.failure_told(command, state.failures)
        case AwaitStep():
            return [] if state.concluded else office.awaited(command, state.waits)
        case TellOfFailure():
            return [] if state.concluded else office.failed(command, state.failures)


def _about_notices(command: OfNotices, state: Correspondence) -> Sequence[Event]:
    match command:
        case Acknowledge():
            return _acknowledge(command, state)
        case Tell():
            return _tell(command, state)
        case RecordPrepared():
            return _prepared(command, state)
        case RecordSent() | RecordRefused():
            return _ended(command, state)
        case Dispatch():
            return _dispatch(command, state)
        case Resend():
            return _resend(command, state)


def _acknowledge(command: Acknowledge, state: Correspondence) -> Sequence[Event]:
    """Acknowledge once, then send the held notices. A correction is acknowledged at a new address.

    If the address was wrong before, the applicant has no acknowledgement yet.
    """
    if state.acknowledged and (
        state.concluded or not _is_to_another_address(command.notice, state)
    ):
        return []
    told = [(command.request, command.notice), *((one.request, one.notice) for one in state.held)]
    due = [
        NoticeDue(
            request=request,
            notice=notice,
            wanted_at=command.at,
            in_reply_to=command.email_message_id,
        )
        for request, notice in told
    ]
    return _with_messages(due, command.composed, state)


def _with_messages(
    due: Sequence[NoticeDue], composed: Sequence[Composed], state: Correspondence
) -> Sequence[Event]:
    """Each notice, prepared at once if its message is stored.

    Messages of a request are prepared in order: none before one that is still to be composed.
    """
    events: list[Event] = []
    in_order = all(outgoing.status != "due" for outgoing in state.outgoing_notices.values())
    for one in due:
        events.append(one)
        document_id = next((each.document_id for each in composed if each.due == one), None)
        in_order = in_order and document_id is not None
        if in_order:
            events += _stored(
                OutgoingNotice(one.request, one.notice, None, one.wanted_at), document_id
            )
    return events


def _is_to_another_address(notice: Notice, state: Correspondence) -> bool:
    told = [
        outgoing.notice
        for outgoing in state.outgoing_notices.values()
        if not outgoing.notice.on_paper
    ]
    known = {one.recipient.casefold() for one in told}
    known |= {one.copy_to.casefold() for one in told if one.copy_to}
    return bool(known) and not notice.on_paper and notice.recipient.casefold() not in known


def _tell(command: Tell, state: Correspondence) -> Sequence[Event]:
    """No notice is sent after the outcome, or before the acknowledgement.

    The topics of different services have no common order, so a decision may arrive before the
    request. Any such event shows that the office did what was awaited.
    """
    if state.concluded:
        return []
    return [*_wanted(command, state), *office.ended(state.waits)]


def _wanted(command: Tell, state: Correspondence) -> Sequence[Event]:
    if not state.acknowledged:
        return [NoticeHeld(request=command.request, notice=command.notice)]
    due = NoticeDue(
        request=command.request,
        notice=command.notice,
        wanted_at=command.at,
        in_reply_to=state.in_reply_to,
    )
    return _with_messages([due], command.composed, state)


def _prepared(command: RecordPrepared, state: Correspondence) -> Sequence[Event]:
    outgoing = state.outgoing_notices[command.notification_id]
    return _stored(outgoing, command.document_id) if outgoing.status == "due" else []


def _stored(outgoing: OutgoingNotice, document_id: str | None) -> Sequence[Event]:
    """The message is prepared, and by the agency's rule perhaps also delivered."""
    facts = _facts(replace(outgoing, document_id=document_id))
    if outgoing.notice.on_paper and outgoing.notice.on_preparation:
        return [NotificationPrepared(**facts), Notified(**facts)]
    return [NotificationPrepared(**facts)]


def _ended(command: RecordSent | RecordRefused, state: Correspondence) -> Sequence[Event]:
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
