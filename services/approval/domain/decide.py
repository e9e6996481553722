"""What follows from a command: the rules of SOP step 2, and who comes first."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from math import ceil
from types import MappingProxyType
from typing import Any, Final

from bmt.contracts import events
from bmt.contracts.events import Event, ReviewOpened
from bmt.contracts.problems import FieldError
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import Applicant
from services.approval.domain.agency_rules import record_rules
from services.approval.domain.commands import (
    AddComment,
    AnswerBulk,
    BeginBulk,
    Command,
    Decide,
    HoldForCorrection,
    OpenReview,
    RecordRules,
    Withdraw,
)
from services.approval.domain.comments import add_comment
from services.approval.domain.errors import (
    AlreadyDecided,
    BeingCorrected,
    FieldsWrong,
    OwnRequest,
    RequestClosed,
    UnknownRequest,
)
from services.approval.domain.events import (
    BulkAnswered,
    BulkBegun,
    HeldForCorrection,
    PapersReceived,
)
from services.approval.domain.ruling import ruled
from services.approval.domain.state import (
    Decided,
    Known,
    NotOpen,
    Open,
    Returned,
    State,
    Withdrawn,
)


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that `command` leads to.

    Raises:
        Refused: one of `errors`, saying why it leads to none.
    """
    return _RULES[type(command)](command, state)


def _open(command: OpenReview, state: State) -> Sequence[Event]:
    """Opened, or opened again with the newest papers."""
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
    """The charter's days begin anew with what was asked for, not with what is corrected meanwhile."""
    if isinstance(state, Open) and state.due_at and command.received.while_open:
        return state.due_at
    first = isinstance(state, NotOpen)
    return command.policy.due_at(command.received.request.received_at if first else command.said_at)


def _hold(command: HoldForCorrection, state: State) -> Sequence[Event]:
    """What is not decided yet is not decided for a moment; intake hears of the rest."""
    if isinstance(state, Known) and not _may_correct(command, state.request):
        raise UnknownRequest
    _require_undecided(state)
    returns = state.returns if isinstance(state, Open | Returned) else 0
    return [HeldForCorrection(by=command.by, until=command.until, returns=returns)]


def _may_correct(command: HoldForCorrection, request: RequestFacts) -> bool:
    own = (command.account or "").casefold() == request.applicant.account.casefold()
    return own or command.agency == request.agency


def _withdraw(command: Withdraw, state: State) -> Sequence[Event]:
    """Withdrawn, unless a decision came first."""
    _require_undecided(state)
    said = command.withdrawal
    return [
        events.Withdrawn(request=said.request, reason=said.reason, requested_by=said.requested_by)
    ]


def _require_undecided(state: State) -> None:
    match state:
        case Decided(decision=first):
            raise AlreadyDecided(first)
        case Withdrawn():
            raise RequestClosed


def _decide(command: Decide, state: State) -> Sequence[Event]:
    """Who may not know of a request learns nothing; who may not decide learns no more than that."""
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
    """Whether the applicant decides, in person or by an officer acting on the applicant's behalf."""
    acting = (command.officer.subject, (command.ruling.on_behalf_of or "").strip())
    names = {applicant.account.casefold(), applicant.email.casefold()}
    return any(name.casefold() in names for name in acting)


def _begin_bulk(command: BeginBulk, _: State) -> Sequence[Event]:
    """Each request once: two rulings on one request in one call would race with each other."""
    ids = command.request_ids
    twice = [index for index, request_id in enumerate(ids) if request_id in ids[:index]]
    if twice:
        raise FieldsWrong(
            [FieldError.of(f"/items/{index}/request_id", "named_twice") for index in twice]
        )
    return [BulkBegun(begun_by=command.officer, request_ids=ids)]


def _answer_bulk(command: AnswerBulk, _: State) -> Sequence[Event]:
    return [BulkAnswered(results=command.results)]


_RULES: Final[Mapping[type[Command], Callable[[Any, State], Sequence[Event]]]] = MappingProxyType(
    {
        OpenReview: _open,
        HoldForCorrection: _hold,
        Decide: _decide,
        Withdraw: _withdraw,
        AddComment: add_comment,
        BeginBulk: _begin_bulk,
        AnswerBulk: _answer_bulk,
        RecordRules: record_rules,
    }
)
