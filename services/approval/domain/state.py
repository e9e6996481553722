"""Where a review stands: one class for each status, and how events lead from one to the next.

`version` counts the published events: it is the `ce_sequence` of the last one.
"""

from dataclasses import dataclass

from pydantic import BaseModel

from bmt.contracts import events
from bmt.contracts.events import Approved, Rejected, ReturnedForCorrection, ReviewOpened
from bmt.contracts.http.approval import CHOICES, Decision, RulingResult
from bmt.contracts.requests import RequestFacts
from bmt.contracts.values import RequestWarning
from services.approval.domain.events import BulkAnswered


@dataclass(frozen=True, slots=True)
class NotOpen:
    """Nothing was heard of such a request; or a bulk call has no answer yet."""

    version: int = 0


@dataclass(frozen=True, slots=True)
class Open:
    """It stands on the agency's worklist."""

    version: int
    request: RequestFacts
    warnings: tuple[RequestWarning, ...]


@dataclass(frozen=True, slots=True)
class Returned:
    """The applicant is asked to correct it; then it is open again."""

    version: int
    request: RequestFacts
    decision: Decision


@dataclass(frozen=True, slots=True)
class Decided:
    """Approved or rejected, for good."""

    version: int
    request: RequestFacts
    decision: Decision


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The applicant took it back before it was decided."""

    version: int
    request: RequestFacts


@dataclass(frozen=True, slots=True)
class BulkDone:
    """A bulk call that has its answer."""

    results: tuple[RulingResult, ...]
    version: int = 0


Known = Open | Returned | Decided | Withdrawn
State = NotOpen | Known | BulkDone


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    version = state.version + 1
    match event:
        case ReviewOpened():
            return Open(version, event.request, event.warnings)
        case Approved() | Rejected():
            return Decided(version, event.request, _decision(event, version))
        case ReturnedForCorrection():
            return Returned(version, event.request, _decision(event, version))
        case events.Withdrawn():
            return Withdrawn(version, event.request)
        case BulkAnswered(results=results):
            return BulkDone(results)
        case _:
            return state


def _decision(event: Approved | Rejected | ReturnedForCorrection, version: int) -> Decision:
    return Decision(
        decision=CHOICES[event.TYPE],
        decided_by=event.decided_by,
        decided_at=event.decided_at,
        reason=event.reason,
        version=version,
    )
