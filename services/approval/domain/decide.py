"""What follows from a command: the rules of SOP step 2, and who comes first."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from bmt.contracts import events
from bmt.contracts.events import Event, ReviewOpened
from bmt.contracts.problems import FieldError
from bmt.contracts.values import Applicant
from services.approval.domain.agency_rules import record_rules
from services.approval.domain.commands import (
    AddComment,
    AnswerBulk,
    BeginBulk,
    Command,
    Decide,
    OpenReview,
    RecordRules,
    Withdraw,
)
from services.approval.domain.comments import add_comment
from services.approval.domain.errors import (
    AlreadyDecided,
    FieldsWrong,
    OwnRequest,
    RequestClosed,
    UnknownRequest,
)
from services.approval.domain.events import BulkAnswered, BulkBegun, PapersReceived
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
    """Opened, or opened again with the newest papers: then the charter's days begin anew."""
    _require_undecided(state)
    received = command.received
    since = received.request.received_at if isinstance(state, NotOpen) else command.said_at
    return [
        ReviewOpened(
            request=received.request,
            due_at=command.policy.due_at(since),
            warnings=received.warnings,
        ),
        PapersReceived(
            request=received.request,
            submitted_by=received.submitted_by,
            justification=received.justification,
            documents=received.documents,
            approval_levels=command.policy.approval_levels,
            not_shown=received.not_shown,
        ),
    ]


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
            return [ruled(command, state)]
        case Returned(decision=first) | Decided(decision=first):
            raise AlreadyDecided(first)
        case Withdrawn():
            raise RequestClosed


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
        Decide: _decide,
        Withdraw: _withdraw,
        AddComment: add_comment,
        BeginBulk: _begin_bulk,
        AnswerBulk: _answer_bulk,
        RecordRules: record_rules,
    }
)
