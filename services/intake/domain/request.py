"""A request, or the inbox item that may become one: commands, states, and the rules of SOP step 1."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from bmt.agencies.agency import Agency
from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts import events
from bmt.contracts.events import Event, RequestFacts, RequestReceived, WithdrawalRequested
from bmt.contracts.faults import sentence
from bmt.contracts.http.approval import Decision
from bmt.contracts.problems import FieldError
from bmt.contracts.topics import RequestProgressed, SubmissionAccepted
from bmt.contracts.values import Document, Status, immutable
from services.intake.domain import errors
from services.intake.domain.events import (
    Bounce,
    InboxItemDismissed,
    InboxItemReceived,
    Mail,
    Missing,
    ScannedPaper,
    ScanReceived,
    SubmissionAnswered,
)
from services.intake.domain.submission import (
    Caller,
    Submission,
    corrected,
    faults,
    received,
    require_channel,
    require_theirs,
    sender_of,
)

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


def decide(command: Command, state: State) -> Sequence[events.Event]:
    """The events that follow from `command`.

    Raises:
        Refused: one of `errors`, with the reason why none follows.
    """
    return _RULES[type(command)](command, state)


def _receive(command: ReceiveRequest, _: State) -> Sequence[events.Event]:
    _require_right(command.submission)
    event = received(command.request_id, command.submission)
    return [event, *_accepted(event, command.submission)]


def _require_right(
    submission: Submission,
    changed: Sequence[errors.Fault] = (),
    unexplained: Sequence[errors.Fault] = (),
) -> None:
    """Check the agency first, then the caller's right to submit, then everything else at once."""
    if submission.agency is not None:
        require_theirs(submission)
    if wrong := (*changed, *faults(submission)):
        raise errors.SubmissionWrong((*wrong, *unexplained))
    if submission.excess is not None:
        raise errors.TooMany(submission.excess)


def _receive_email(command: ReceiveEmail, _: State) -> Sequence[events.Event]:
    """A filled request of the agency becomes one; anything else waits in the inbox, whole.

    A bounce of ours never becomes a request. It is kept even for an agency that receives nothing by e-mail.
    """
    came_back = command.bounce is not None or command.set_aside is not None
    if not came_back:
        require_channel(command.home, "email")
    mail = command.mail
    missing = mail.missing
    if command.submission is not None and not missing and not came_back:
        missing = tuple(_why_not(command.submission))
        if not missing:
            return [
                received(
                    command.request_id, command.submission, mail.documents, not_shown=mail.not_shown
                )
            ]
    return [
        InboxItemReceived(
            agency=command.home.code,
            received_at=command.received_at,
            submitted_by=command.caller.submitter,
            mail=mail.model_copy(update={"missing": missing}),
            bounce=command.bounce,
            set_aside=sentence(command.set_aside) if command.set_aside else None,
            set_aside_code=command.set_aside,
        )
    ]


def _why_not(submission: Submission) -> Sequence[Missing]:
    """Why an e-mail that is filled in cannot become a request."""
    wrong = [Missing.wrong(fault.error) for fault in faults(submission)]
    if (excess := submission.excess) is not None:
        wrong.append(Missing.of("email", excess.code, **excess.values))
    if submission.agency is not None and not submission.caller.acts_for(
        submission.requested.agency
    ):
        wrong.append(Missing.of("agency", "for_other_agency"))
    return wrong


def _put_in_inbox(command: PutPaperInInbox, state: State) -> Sequence[events.Event]:
    """One item for the paper. Its sender is unknown: the person who scanned it is not the sender."""
    if not isinstance(state, Nothing):
        return []
    scan, paper = command.scan, command.paper
    return [
        InboxItemReceived(
            agency=scan.agency,
            received_at=scan.received_at,
            submitted_by=scan.submitted_by,
            mail=Mail(
                message_id=None,
                sender="",
                subject=paper.document.filename,
                documents=(paper.document,),
                understood=paper.understood,
                missing=paper.missing,
            ),
            scan=paper.origin,
        )
    ]


def _register(command: RegisterInboxItem, state: State) -> Sequence[events.Event]:
    item, submission = _waiting(command.submission.caller, state), command.submission
    _require_right(submission)
    if submission.channel == "email" and item.scan is None:
        sender = sender_of(item.mail)
        submission = replace(submission, email_message_id=item.mail.message_id, sender=sender)
    mail = item.mail
    return [received(command.request_id, submission, mail.documents, not_shown=mail.not_shown)]


def _dismiss(command: DismissInboxItem, state: State) -> Sequence[events.Event]:
    item = _waiting(command.caller, state)
    return [
        InboxItemDismissed(
            agency=item.agency,
            reason=command.reason,
            dismissed_by=command.caller.submitter,
            dismissed_at=command.dismissed_at,
        )
    ]


def _waiting(caller: Caller, state: State) -> InboxItemReceived:
    """The item, if it waits in the inbox of the caller's agency."""
    match state:
        case Waiting(item) if caller.acts_for(item.agency):
            return item
        case Dismissed(item) if caller.acts_for(item.agency):
            raise errors.InboxItemSettled("dismissed")
        case Received(facts, from_inbox=True) if caller.acts_for(facts.agency):
            raise errors.InboxItemSettled("registered")
        case _:
            raise errors.UnknownInboxItem


def _theirs(caller: Caller, state: State) -> Received:
    if isinstance(state, Received) and may_see(caller, state.facts):
        return state
    raise errors.UnknownRequest


def may_see(caller: Caller, facts: events.RequestFacts) -> bool:
    """Whether the caller may know of a request: it is their own, or their agency's."""
    if caller.role == "applicant":
        return caller.is_account(facts.applicant.account)
    return caller.acts_for(facts.agency)


def _withdraw(command: WithdrawRequest, state: State) -> Sequence[events.Event]:
    """Approval decides which came first, decision or withdrawal. A second withdrawal changes nothing."""
    request = _theirs(command.caller, state)
    if command.known.decision is not None:
        raise errors.AlreadyDecided(command.known.decision)
    if command.known.status not in ("received", "returned"):
        raise errors.RequestClosed("past_withdrawal")
    if request.withdrawal_requested:
        return []
    return [
        events.WithdrawalRequested(
            request=request.facts,
            reason=command.reason,
            requested_by=command.caller.submitter,
        )
    ]


_NO_REASON: Final = errors.Fault(FieldError.of("/correction_reason", "correction_reason_needed"))
"""A correction that nobody asked for needs a reason."""


def _correct(command: CorrectRequest, state: State) -> Sequence[events.Event]:
    """Receive the request again before it is decided: after a return, or while decisions are on hold."""
    request = _theirs(command.submission.caller, state)
    while_open = command.known.returns < request.receptions
    _require_correctable(command, request)
    submission = command.submission
    unexplained = [_NO_REASON] if while_open and not command.reason else []
    wrong = _not_to_be_changed(submission, request.last, while_open=while_open)
    if submission.requested.agency != request.facts.agency:
        # The rest is not checked against another agency's rules.
        raise errors.SubmissionWrong(wrong)
    _require_right(submission, wrong, unexplained)
    if unexplained:
        raise errors.NobodyReturnedIt(unexplained)
    if while_open and not command.held:
        raise errors.RequestClosed("corrected_meanwhile")
    if request.facts.channel == "event":  # no body can name that channel
        submission = replace(submission, channel="event")
    event = corrected(
        received(command.request_id, submission, request.came_with, first=request.facts),
        request.last,
        corrected_by=submission.caller.submitter,
        correction_reason=command.reason,
        while_open=while_open,
    )
    return [event, *_follow(FollowRequest(event, 0, submission.received_at), state)]


def _not_to_be_changed(
    submission: Submission, before: events.RequestReceived, *, while_open: bool
) -> tuple[errors.Fault, ...]:
    """The changes of a correction that would make it another request.

    An administrator may correct the account if somebody else wrote it down. An account that the applicant
    signed in with, or that another system named, stays; so does the account of a returned request.
    """
    requested, facts = submission.requested, before.request
    was_written_down = before.submitted_by.role != "applicant" and facts.channel != "event"
    may_change = while_open and was_written_down and submission.caller.role != "applicant"
    same_account = requested.applicant.account.casefold() == facts.applicant.account.casefold()
    unchanged = {
        "/kind": requested.kind == facts.kind,
        "/agency": requested.agency == facts.agency,
        "/applicant/account": same_account or may_change,
    }
    return tuple(
        errors.Fault(FieldError.of(pointer, "not_to_be_corrected"))
        for pointer, is_same in unchanged.items()
        if not is_same
    )


def _require_correctable(command: CorrectRequest, request: Received) -> None:
    if command.known.decision is not None:
        raise errors.AlreadyDecided(command.known.decision)
    if request.withdrawal_requested or command.known.status == "withdrawn":
        raise errors.RequestClosed("being_withdrawn")


# Each answer to an integrator is published with its `SubmissionAnswered`, which names the integrator. Without
# a change of status, `SubmissionAnswered` stands alone and nothing is published.

_WITH_REASON: Final = (
    events.ReturnedForCorrection,
    events.Rejected,
    events.Withdrawn,
    events.ConfigurationFailed,
)
_AFTER_THE_OUTCOME: Final = ("notified", "filed")


def _accepted(event: events.RequestReceived, submission: Submission) -> Sequence[events.Event]:
    """The answer to a submission that became a request; none for a request that came another way."""
    submitted, reference = submission.submitted_event, submission.source_reference
    if submitted is None or reference is None:
        return []
    facts = event.request
    return [
        SubmissionAnswered(
            integrator=submission.caller.subject,
            source=submitted.source,
            submission_id=submitted.id,
            source_reference=reference,
            answered_at=facts.received_at,
            number=1,
            request_id=facts.request_id,
            reference=facts.reference,
            progress=events.Progress().after(event, 0),
        ),
        SubmissionAccepted(
            submission_id=submitted.id,
            source_reference=reference,
            request_id=facts.request_id,
            reference=facts.reference,
            received_at=facts.received_at,
        ),
    ]


def _follow(command: FollowRequest, state: State) -> Sequence[events.Event]:
    """The answer to the integrator that submitted the request, if its status changes."""
    known = state.answered if isinstance(state, Received) else None
    if known is None or known.progress is None:
        return []
    progress = known.progress.after(command.event, command.sequence)
    if progress == known.progress:
        return []
    if progress.status == known.progress.status:
        return [known.model_copy(update={"progress": progress})]
    reason = command.event.reason if isinstance(command.event, _WITH_REASON) else None
    still = known.reason if progress.status in _AFTER_THE_OUTCOME else None
    changes = {"progress": progress, "reason": reason or still, "number": known.number + 1}
    return [
        known.model_copy(update=changes),
        RequestProgressed(
            submission_id=known.submission_id,
            source_reference=known.source_reference or "",
            request_id=known.request_id or "",
            reference=known.reference or "",
            status=progress.status,
            at=command.at,
            reason=reason,
        ),
    ]


_RULES: Final[Mapping[type[Command], Callable[..., Sequence[events.Event]]]] = MappingProxyType(
    {
        ReceiveRequest: _receive,
        ReceiveEmail: _receive_email,
        PutPaperInInbox: _put_in_inbox,
        RegisterInboxItem: _register,
        DismissInboxItem: _dismiss,
        WithdrawRequest: _withdraw,
        CorrectRequest: _correct,
        FollowRequest: _follow,
    }
)


DECIDER: Final[Decider[Command, State]] = Decider(Nothing(), decide, evolve)
