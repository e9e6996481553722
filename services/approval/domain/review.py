"""A request's review: commands, states, and the rules of SOP step 2."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import ceil
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel

from bmt.agencies.agency import acts_for
from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts import events
from bmt.contracts.events import (
    Approved,
    Endorsement,
    Event,
    Granted,
    Rejected,
    RequestEvent,
    RequestFacts,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    WithdrawalRequested,
)
from bmt.contracts.http.approval import CHOICES, Decision, Ruling
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Applicant, Document, Officer, RequestWarning, Submitter, immutable
from services.approval.domain.errors import (
    AccountOfOtherAgency,
    AlreadyDecided,
    ApprovedBefore,
    BeingCorrected,
    FieldsWrong,
    NothingToNote,
    OwnRequest,
    QuotaExceedsMaximum,
    RegistrarMayNotApprove,
    RequestClosed,
    UnknownRequest,
    WarningsNeedReason,
)
from services.approval.domain.events import (
    CommentAdded,
    Endorsed,
    HeldForCorrection,
    PapersReceived,
)
from services.approval.domain.policy import Policy


@immutable
class OpenReview:
    """A request was received, for the first time or corrected, at `at`."""

    received: RequestReceived
    at: datetime
    policy: Policy


@immutable
class Decide:
    """An administrator of `agency` (by the token) approves, rejects or returns a request."""

    ruling: Ruling
    officer: Officer
    agency: str
    policy: Policy
    decided_at: datetime


@immutable
class HoldForCorrection:
    """Somebody is about to correct the request: nobody decides before `until`.

    Attributes:
        account: of an applicant who corrects it; else None.
        agency: of an administrator who corrects it; else None.
    """

    by: Submitter
    account: str | None
    agency: str | None
    until: datetime


@immutable
class Withdraw:
    """The applicant no longer wants it."""

    withdrawal: WithdrawalRequested


@immutable
class AddComment:
    """An administrator of `agency` (by the token) comments; the documents exist."""

    text: str
    documents: tuple[Document, ...]
    officer: Officer
    agency: str
    added_at: datetime


Command = OpenReview | HoldForCorrection | Decide | Withdraw | AddComment


@immutable
class NotOpen:
    """No review of this request was opened."""

    version: int = 0
    held_until: datetime | None = None


@immutable
class Open:
    """The request is on the agency's worklist.

    Attributes:
        levels: how many administrators must approve.
        endorsements: the approvals so far; a correction discards them.
        submitted_by: an account.
        correctors: accounts, in lower case.
        returns: how often it was returned.
        held_until: nobody decides before, because a correction is expected.
    """

    version: int
    request: RequestFacts
    warnings: tuple[RequestWarning, ...]
    levels: int = 1
    endorsements: tuple[Endorsement, ...] = ()
    submitted_by: str = ""
    correctors: frozenset[str] = frozenset()
    due_at: datetime | None = None
    returns: int = 0
    held_until: datetime | None = None


@immutable
class Returned:
    """The applicant is asked to correct the request, which opens it again."""

    version: int
    request: RequestFacts
    decision: Decision
    correctors: frozenset[str] = frozenset()
    returns: int = 0
    held_until: datetime | None = None


@immutable
class Decided:
    """The request is approved or rejected, for good."""

    version: int
    request: RequestFacts
    decision: Decision


@immutable
class Withdrawn:
    """The applicant withdrew the request before it was decided."""

    version: int
    request: RequestFacts


Known = Open | Returned | Decided | Withdrawn
State = NotOpen | Known
"""One class for each status. `version` counts the published events: it is the last `ce_sequence`."""


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    match event:
        case RequestEvent():
            return _reviewed(state, event)
        case HeldForCorrection() if isinstance(state, NotOpen | Open | Returned):
            return replace(state, held_until=event.until)
        case _:
            return state


def _reviewed(state: State, event: RequestEvent) -> State:
    version = state.version + 1
    match event:
        case ReviewOpened():
            return _opened(state, event, version)
        case Approved() | Rejected():
            return Decided(version, event.request, _decision(event, version))
        case ReturnedForCorrection():
            return _returned(state, event, version)
        case events.Withdrawn():
            return Withdrawn(version, event.request)
        case _:
            return _remembered(state, event) if isinstance(state, Open) else state


def _opened(state: State, event: ReviewOpened, version: int) -> Open:
    """Keeps earlier correctors and a correction that is still expected."""
    review = Open(version, event.request, event.warnings, due_at=event.due_at)
    match state:
        case NotOpen(held_until=held_until):
            return replace(review, held_until=held_until)
        case Open() | Returned():
            return replace(
                review,
                correctors=state.correctors,
                returns=state.returns,
                held_until=state.held_until,
            )
        case _:
            return review


def _returned(state: State, event: ReturnedForCorrection, version: int) -> Returned:
    returned = Returned(version, event.request, _decision(event, version), returns=1)
    if not isinstance(state, Open):
        return returned
    return replace(
        returned,
        correctors=state.correctors,
        returns=state.returns + 1,
        held_until=state.held_until,
    )


def _remembered(review: Open, event: RequestEvent) -> Open:
    """The state after a private event."""
    match event:
        case PapersReceived():
            return _with_papers(review, event)
        case Endorsed():
            return replace(review, endorsements=(*review.endorsements, event.endorsement))
        case _:
            return review


def _with_papers(review: Open, papers: PapersReceived) -> Open:
    """These are the papers of the correction that the hold waited for."""
    by = {papers.corrected_by.subject.casefold()} if papers.corrected_by else set()
    return replace(
        review,
        levels=papers.approval_levels,
        submitted_by=papers.submitted_by.subject,
        correctors=review.correctors | by,
        held_until=None if papers.while_open else review.held_until,
    )


def _decision(event: Approved | Rejected | ReturnedForCorrection, version: int) -> Decision:
    return Decision(
        decision=CHOICES[event.TYPE],
        decided_by=event.decided_by,
        decided_at=event.decided_at,
        reason=event.reason,
        version=version,
    )


SIZES: Final = ("quota_bytes", "max_file_size_bytes")
OF_APPROVAL: Final = (*SIZES, "exception_reason")


def present(ruling: Ruling, names: Sequence[str], code: str) -> list[FieldError]:
    """A fault for each of these fields that was sent: none is ignored silently."""
    return [FieldError.of(f"/{name}", code) for name in names if getattr(ruling, name) is not None]


def acting_wrong(command: Decide) -> list[FieldError]:
    """A fault if the officer is not appointed to act for that person. It names who is allowed."""
    acting, named = command.policy.acting, command.ruling.on_behalf_of
    if not acting or named is None:
        return []
    allowed = acts_for(acting, command.officer.subject, command.decided_at)
    if named.strip() in allowed:
        return []
    if not allowed:
        return [FieldError.of("/on_behalf_of", "not_appointed")]
    return [FieldError.of("/on_behalf_of", "appointed_for_others", names=allowed)]


def approved(command: Decide, review: Open) -> Approved | Endorsed:
    """The approval, or an endorsement if more approvals are needed.

    Raises:
        Refused: `another_person_needed`, `account_of_other_agency`, `validation_failed`, `quota_exceeds_maximum`, `warnings_need_reason`.
    """
    _require_another_person(command, review)
    request = review.request
    if command.policy.claims.belonging(request.agency, request.applicant.account) == "other":
        raise AccountOfOtherAgency
    ruling = command.ruling
    granted = _granted(ruling, review)
    if wrong := tuple(_why_not(command, review, granted)):
        raise wrong[0].naming_also(wrong[1:]) if wrong[1:] else wrong[0]
    level = len(review.endorsements) + 1
    if level < review.levels:
        endorsement = Endorsement(
            level=level,
            endorsed_by=command.officer,
            endorsed_at=command.decided_at,
            approved=granted,
            reason=ruling.reason,
            exception_reason=ruling.exception_reason,
            on_behalf_of=ruling.on_behalf_of,
        )
        return Endorsed(request=review.request, endorsement=endorsement, levels=review.levels)
    return Approved(
        request=review.request,
        decided_by=command.officer,
        decided_at=command.decided_at,
        approved=granted,
        reason=ruling.reason,
        exception_reason=ruling.exception_reason,
        on_behalf_of=ruling.on_behalf_of,
        endorsements=review.endorsements,
    )


def _require_another_person(command: Decide, review: Open) -> None:
    """No submitter or corrector if the agency forbids it, and nobody twice, not even through a deputy."""
    officer = command.officer.subject.casefold()
    wrote_it = {review.submitted_by.casefold(), *review.correctors}
    if not command.policy.registrar_may_approve and officer in wrote_it:
        raise RegistrarMayNotApprove
    behind = _folded(command.ruling.on_behalf_of)
    for before in review.endorsements:
        acted_for = _folded(before.on_behalf_of)
        by = {before.endorsed_by.subject.casefold(), _folded(before.endorsed_by.name)}
        theirs = {officer, _folded(command.officer.name)}
        if (
            officer in by
            or (acted_for and acted_for in theirs)
            or (behind and behind in {*by, acted_for})
        ):
            raise ApprovedBefore(len(review.endorsements), review.levels)


def _folded(name: str | None) -> str:
    return " ".join((name or "").split()).casefold()


def _why_not(command: Decide, review: Open, granted: Granted) -> Iterator[FieldsWrong]:
    """Sizes that were asked for are checked too: the agency's rules may have changed since."""
    policy, request, ruling = command.policy, review.request, command.ruling
    faults = acting_wrong(command)
    if request.kind == "termination":
        faults += present(ruling, SIZES, "termination_grants_nothing")
    if faults:
        yield FieldsWrong(faults)
    largest_quota = policy.largest_quota_bytes or request.quota_bytes
    if largest_quota is not None and _exceeds(granted.quota_bytes, largest_quota):
        yield QuotaExceedsMaximum(largest_quota)
    largest_file = policy.largest_file_bytes or request.max_file_size_bytes
    if largest_file is not None and _exceeds(granted.max_file_size_bytes, largest_file):
        pointer, code = "/max_file_size_bytes", "size_above_maximum"
        yield FieldsWrong([FieldError.of(pointer, code, maximum_bytes=largest_file)])
    if review.warnings and ruling.exception_reason is None:
        yield WarningsNeedReason(review.warnings)


def _granted(ruling: Ruling, review: Open) -> Granted:
    """The administrator's sizes, else the previous approver's, else those asked for."""
    if review.request.kind == "termination":
        return Granted(quota_bytes=None, max_file_size_bytes=None)
    before = review.endorsements[-1].approved if review.endorsements else review.request
    return Granted(
        quota_bytes=ruling.quota_bytes or before.quota_bytes,
        max_file_size_bytes=ruling.max_file_size_bytes or before.max_file_size_bytes,
    )


def _exceeds(size: int | None, limit: int) -> bool:
    return size is not None and size > limit


def ruled(command: Decide, review: Open) -> Event:
    """The event of a ruling on an open request.

    Raises:
        FieldsWrong: fields are missing, or do not fit this decision on this request.
        Refused: as `approved`.
    """
    match command.ruling.decision:
        case "approve":
            return approved(command, review)
        case "reject":
            return _refused(Rejected, command, review.request)
        case "return":
            return _refused(ReturnedForCorrection, command, review.request)


def _refused(
    event: type[Rejected] | type[ReturnedForCorrection], command: Decide, request: RequestFacts
) -> Event:
    ruling = command.ruling
    faults = [*present(ruling, OF_APPROVAL, "of_approval_alone"), *acting_wrong(command)]
    if ruling.reason is None:
        raise FieldsWrong([FieldError.of("/reason", "reason_for_applicant"), *faults])
    if faults:
        raise FieldsWrong(faults)
    return event(
        request=request,
        decided_by=command.officer,
        decided_at=command.decided_at,
        reason=ruling.reason,
        on_behalf_of=ruling.on_behalf_of,
    )


def add_comment(command: AddComment, state: State) -> Sequence[Event]:
    """A comment is allowed in every status, for whoever may decide.

    Raises:
        UnknownRequest: there is none, or it is another agency's.
        NothingToNote: the request is the officer's own.
    """
    if not isinstance(state, Known) or state.request.agency != command.agency:
        raise UnknownRequest
    if state.request.applicant.account.casefold() == command.officer.subject.casefold():
        raise NothingToNote
    return [
        CommentAdded(
            request=state.request,
            by=command.officer,
            at=command.added_at,
            text=command.text,
            documents=command.documents,
        )
    ]


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        Refused: one of `errors`.
    """
    return _RULES[type(command)](command, state)


def _open(command: OpenReview, state: State) -> Sequence[Event]:
    """Opens the review, or opens it again with the newest papers."""
    _require_undecided(state)
    received = command.received
    return [
        ReviewOpened(
            request=received.request,
            due_at=_due_at(command, state),
            warnings=received.warnings,
        ),
        PapersReceived(
            request=received.request,
            submitted_by=received.submitted_by,
            justification=received.justification,
            documents=received.documents,
            approval_levels=command.policy.approval_levels,
            not_shown=received.not_shown,
            corrected_by=received.corrected_by,
            correction_reason=received.correction_reason,
            while_open=received.while_open,
        ),
    ]


def _due_at(command: OpenReview, state: State) -> datetime:
    """A correction that was not asked for does not move the due time."""
    if isinstance(state, Open) and state.due_at and command.received.while_open:
        return state.due_at
    first = isinstance(state, NotOpen)
    return command.policy.due_at(command.received.request.received_at if first else command.at)


def _hold(command: HoldForCorrection, state: State) -> Sequence[Event]:
    """A request unknown here may be held: it may be received any moment."""
    if isinstance(state, Known) and not _may_correct(command, state.request):
        raise UnknownRequest
    _require_undecided(state)
    returns = state.returns if isinstance(state, Open | Returned) else 0
    return [HeldForCorrection(by=command.by, until=command.until, returns=returns)]


def _may_correct(command: HoldForCorrection, request: RequestFacts) -> bool:
    own = (command.account or "").casefold() == request.applicant.account.casefold()
    return own or command.agency == request.agency


def _withdraw(command: Withdraw, state: State) -> Sequence[Event]:
    _require_undecided(state)
    event = command.withdrawal
    return [
        events.Withdrawn(
            request=event.request, reason=event.reason, requested_by=event.requested_by
        )
    ]


def _require_undecided(state: State) -> None:
    match state:
        case Decided(decision=first):
            raise AlreadyDecided(first)
        case Withdrawn():
            raise RequestClosed


def _decide(command: Decide, state: State) -> Sequence[Event]:
    """Other agencies learn nothing of the request, and applicants nothing of its decision."""
    if not isinstance(state, Known) or state.request.agency != command.agency:
        raise UnknownRequest
    if _acts_for(command, state.request.applicant):
        raise OwnRequest
    match state:
        case Open():
            _require_nobody_corrects(command, state)
            return [ruled(command, state)]
        case Returned(decision=first) | Decided(decision=first):
            raise AlreadyDecided(first)
        case Withdrawn():
            raise RequestClosed


def _require_nobody_corrects(command: Decide, review: Open) -> None:
    if review.held_until is not None and command.decided_at < review.held_until:
        raise BeingCorrected(ceil((review.held_until - command.decided_at).total_seconds()))


def _acts_for(command: Decide, applicant: Applicant) -> bool:
    """Whether the applicant decides, in person or through an officer acting for them, under any name."""
    behind, account = _folded(command.ruling.on_behalf_of), applicant.account.casefold()
    names = {account, applicant.email.casefold(), _folded(applicant.name)}
    return command.officer.subject.casefold() in names or behind in names


_RULES: Final[Mapping[type[Command], Callable[[Any, State], Sequence[Event]]]] = MappingProxyType(
    {
        OpenReview: _open,
        HoldForCorrection: _hold,
        Decide: _decide,
        Withdraw: _withdraw,
        AddComment: add_comment,
    }
)


DECIDER: Final[Decider[Command, State]] = Decider(NotOpen(), decide, evolve)
