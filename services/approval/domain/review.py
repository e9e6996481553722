"""A request's review: its commands, its states and how events change them."""

from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel

from bmt.contracts import events
from bmt.contracts.events import (
    Approved,
    Endorsement,
    Rejected,
    RequestEvent,
    RequestFacts,
    RequestReceived,
    ReturnedForCorrection,
    ReviewOpened,
    WithdrawalRequested,
)
from bmt.contracts.http.approval import CHOICES, Decision, Ruling
from bmt.contracts.values import Document, Officer, RequestWarning, Submitter, immutable
from services.approval.domain.events import Endorsed, HeldForCorrection, PapersReceived
from services.approval.domain.policy import Policy


@immutable
class OpenReview:
    """A request was received, for the first time or corrected, at `said_at`."""

    received: RequestReceived
    said_at: datetime
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
