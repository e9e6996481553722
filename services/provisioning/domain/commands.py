"""What provisioning can be asked to do, by an event, by its worker or by a person."""

from datetime import datetime

from bmt.contracts.events import Approved, Effective, Evidence, PlannedChange, Target
from bmt.contracts.immutable import immutable
from bmt.contracts.values import Officer
from services.provisioning.domain.order import Policy


@immutable
class RequestConfiguration:
    """A request was approved; `policy` holds the rules of its agency."""

    approved: Approved
    policy: Policy


@immutable
class Start:
    """Every target was looked at: this is what will be different."""

    plan: tuple[PlannedChange, ...]


@immutable
class AwaitOperator:
    """A person must do it; `instructions` say what. `task_id` is new."""

    task_id: str
    target: Target
    instructions: str


@immutable
class ClaimTask:
    """An officer of `agency` (by the token) takes a task on."""

    task_id: str
    officer: Officer
    agency: str
    claimed_at: datetime


@immutable
class TakeOverTask:
    """An officer of `agency` (by the token) does a task in the place of who claimed it.

    Attributes:
        task_id: the task.
        officer: who takes it over.
        agency: of the officer.
        claimed_by: whom the officer knows to have it, by subject.
        reason: why, in the officer's words.
        taken_over_at: now.
    """

    task_id: str
    officer: Officer
    agency: str
    claimed_by: str
    reason: str
    taken_over_at: datetime


@immutable
class CompleteTask:
    """An officer of `agency` (by the token) states that it is done; the documents exist."""

    task_id: str
    officer: Officer
    agency: str
    completed_at: datetime
    evidence: tuple[str, ...]
    note: str | None = None


@immutable
class RecordConfigured:
    """Every target was read back."""

    effective: Effective
    evidence: tuple[Evidence, ...]
    configured_at: datetime


@immutable
class RecordFailure:
    """A target refuses, and waiting will not help."""

    target: Target
    reason: str
    retryable: bool


@immutable
class Retry:
    """A person asks to try again after a failure.

    Attributes:
        officer: who asks.
        agency: the only agency whose requests the officer may retry; None: every one's.
        overtaken: a request for the same account that was decided later is under way or configured.
        requested_at: now.
        reason: why, in the officer's words.
    """

    officer: Officer
    agency: str | None
    overtaken: bool
    requested_at: datetime
    reason: str | None = None


Command = (
    RequestConfiguration
    | Start
    | AwaitOperator
    | ClaimTask
    | TakeOverTask
    | CompleteTask
    | RecordConfigured
    | RecordFailure
    | Retry
)
