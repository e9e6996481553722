"""The commands of provisioning, from events, its worker and people."""

from datetime import datetime

from bmt.contracts.events import Approved, Effective, Evidence, PlannedChange, Target
from bmt.contracts.immutable import immutable
from bmt.contracts.values import Officer
from services.provisioning.domain.order import Policy


@immutable
class RequestConfiguration:
    """Configure an approved request, under the rules of its agency."""

    approved: Approved
    policy: Policy


@immutable
class Start:
    """Record what will change, after a look at every target."""

    plan: tuple[PlannedChange, ...]


@immutable
class AwaitOperator:
    """Ask a person to follow the instructions; `task_id` is new."""

    task_id: str
    target: Target
    instructions: str


@immutable
class ClaimTask:
    """Claim a task; `agency` is that of the officer's token."""

    task_id: str
    officer: Officer
    agency: str
    claimed_at: datetime


@immutable
class TakeOverTask:
    """Take a task over; `agency` is that of the officer's token.

    Attributes:
        claimed_by: the subject who has the task, as the officer knows it.
        reason: in the officer's words.
    """

    task_id: str
    officer: Officer
    agency: str
    claimed_by: str
    reason: str
    taken_over_at: datetime


@immutable
class CompleteTask:
    """State that a task is done; `agency` is that of the officer's token, and the documents exist."""

    task_id: str
    officer: Officer
    agency: str
    completed_at: datetime
    evidence: tuple[str, ...]
    note: str | None = None


@immutable
class RecordConfigured:
    """Record what was read back from every target."""

    effective: Effective
    evidence: tuple[Evidence, ...]
    configured_at: datetime


@immutable
class RecordFailure:
    """Record that a target refuses, and that waiting will not help."""

    target: Target
    reason: str
    retryable: bool


@immutable
class Retry:
    """Try again after a failure.

    Attributes:
        agency: the only agency whose requests the officer may retry; None: all.
        overtaken: a later request for the same account is under way or configured.
        reason: in the officer's words.
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
