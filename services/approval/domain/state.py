"""Where a review stands: one class for each status, and how events lead from one to the next.

`version` counts the published events: it is the `ce_sequence` of the last one.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel, JsonValue

from bmt.agencies.deciding import Change
from bmt.contracts import events
from bmt.contracts.events import (
    Approved,
    Endorsement,
    Rejected,
    RequestEvent,
    ReturnedForCorrection,
    ReviewOpened,
)
from bmt.contracts.http.approval import CHOICES, Decision, RulingResult
from bmt.contracts.immutable import immutable
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import RequestWarning
from services.approval.domain.events import (
    BulkAnswered,
    Endorsed,
    HeldForCorrection,
    PapersReceived,
    RulesCameIntoForce,
)


@immutable
class NotOpen:
    """Nothing was heard of such a request; or a bulk call has no answer yet.

    Attributes:
        held_until: as of `Open`.
    """

    version: int = 0
    held_until: datetime | None = None


@immutable
class Open:
    """It stands on the agency's worklist.

    Attributes:
        levels: how many administrators must approve.
        endorsements: the approvals so far; a correction begins anew.
        submitted_by: who handed it in, an account.
        correctors: who corrected it, by account in lower case.
        due_at: when it is to be decided.
        returns: how often it was returned.
        held_until: nobody decides before, as a correction is about to be heard; None: somebody may.
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
    """The applicant is asked to correct it; then it is open again.

    Attributes:
        correctors, returns, held_until: as of `Open`.
    """

    version: int
    request: RequestFacts
    decision: Decision
    correctors: frozenset[str] = frozenset()
    returns: int = 0
    held_until: datetime | None = None


@immutable
class Decided:
    """Approved or rejected, for good."""

    version: int
    request: RequestFacts
    decision: Decision


@immutable
class Withdrawn:
    """The applicant took it back before it was decided."""

    version: int
    request: RequestFacts


@immutable
class BulkDone:
    """A bulk call that has its answer."""

    results: tuple[RulingResult, ...]
    version: int = 0


@immutable
class InForce:
    """An agency's rules as they were recorded last.

    Attributes:
        number: how many were recorded.
        rules: all of them, as JSON.
        changes: what files said so far of who changed them, and why: none counts twice.
    """

    number: int
    rules: Mapping[str, JsonValue]
    changes: tuple[Change, ...] = ()
    version: int = 0


Known = Open | Returned | Decided | Withdrawn
State = NotOpen | Known | BulkDone | InForce


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    match event:
        case RequestEvent() if isinstance(state, NotOpen | Known):
            return _reviewed(state, event)
        case HeldForCorrection() if isinstance(state, NotOpen | Open | Returned):
            return replace(state, held_until=event.until)
        case BulkAnswered(results=results):
            return BulkDone(results)
        case RulesCameIntoForce():
            return _in_force(state, event)
        case _:
            return state


def _reviewed(state: NotOpen | Known, event: RequestEvent) -> NotOpen | Known:
    """After something happened to a request."""
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


def _opened(state: NotOpen | Known, event: ReviewOpened, version: int) -> Open:
    """Whoever corrected it before is remembered, and so is a correction that is still to be heard."""
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


def _returned(state: NotOpen | Known, event: ReturnedForCorrection, version: int) -> Returned:
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
    """After something that is not said."""
    match event:
        case PapersReceived():
            return _with_papers(review, event)
        case Endorsed():
            return replace(review, endorsements=(*review.endorsements, event.endorsement))
        case _:
            return review


def _with_papers(review: Open, papers: PapersReceived) -> Open:
    """A correction that intake asked to be waited for was heard with these."""
    by = {papers.corrected_by.subject.casefold()} if papers.corrected_by else set()
    return replace(
        review,
        levels=papers.approval_levels,
        submitted_by=papers.submitted_by.subject,
        correctors=review.correctors | by,
        held_until=None if papers.while_open else review.held_until,
    )


def _in_force(state: State, event: RulesCameIntoForce) -> InForce:
    changes = state.changes if isinstance(state, InForce) else ()
    if event.changed_by and event.changed_on and event.why:
        changes = (*changes, Change(by=event.changed_by, on=event.changed_on, why=event.why))
    return InForce(event.number, event.rules, changes)


def _decision(event: Approved | Rejected | ReturnedForCorrection, version: int) -> Decision:
    return Decision(
        decision=CHOICES[event.TYPE],
        decided_by=event.decided_by,
        decided_at=event.decided_at,
        reason=event.reason,
        version=version,
    )
