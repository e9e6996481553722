"""Where a configuration stands: one class for each status, and how events lead from one to the next.

`order` is what was approved, under which rules. `round` counts the retries: it tells a round's records
from the next one's. `statement` is what an officer stated to have done by hand; it outlives a failure of
the other target, so that nobody does it twice. `retry` is what the round began with, until it is said.
"""

from pydantic import BaseModel

from bmt.contracts import events
from bmt.contracts.events import AwaitingOperator, ConfigurationFailed, ConfigurationStarted
from bmt.contracts.immutable import immutable
from services.provisioning.domain.events import (
    ConfigurationDue,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)


@immutable
class NotHeard:
    """No approval of such a request was heard."""


@immutable
class Due:
    """Approved; no target was touched in this round."""

    order: ConfigurationDue
    round: int = 0
    statement: TaskCompleted | None = None
    retry: RetryRequested | None = None


@immutable
class Started:
    """Targets are being changed: after a crash, what each shows is read first."""

    order: ConfigurationDue
    round: int
    statement: TaskCompleted | None


@immutable
class Awaiting:
    """An officer must do the task; `claim` is that of the one who has it now."""

    order: ConfigurationDue
    round: int
    task: AwaitingOperator
    claim: TaskClaimed | None = None


@immutable
class Configured:
    """In force as approved, for good; `said` with what was read back."""

    order: ConfigurationDue
    said: events.Configured


@immutable
class Failed:
    """A target refused; a person may retry where the failure says so."""

    order: ConfigurationDue
    round: int
    statement: TaskCompleted | None
    failure: ConfigurationFailed


Ongoing = Due | Started | Awaiting
Known = Ongoing | Configured | Failed
State = NotHeard | Known


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`; a stream begins with ConfigurationDue."""
    after: State = state
    match state, event:
        case _, ConfigurationDue():
            after = Due(event)
        case Due(order, round_, statement, _), ConfigurationStarted():
            after = Started(order, round_, statement)
        case Started(order, round_), AwaitingOperator():
            after = Awaiting(order, round_, event)
        case Awaiting(order, round_, task), TaskClaimed():
            after = Awaiting(order, round_, task, event)
        case Awaiting(order, round_, task), TaskTakenOver():
            after = Awaiting(order, round_, task, _claim(event))
        case Awaiting(order, round_), TaskCompleted():
            after = Started(order, round_, event)
        case Due(order, round_, statement, _) | Started(
            order, round_, statement
        ), ConfigurationFailed():
            after = Failed(order, round_, statement, event)
        case Failed(order, round_, statement), RetryRequested():
            after = Due(order, round_ + 1, statement, event)
        case Started(order), events.Configured():
            after = Configured(order, event)
    return after


def _claim(event: TaskTakenOver) -> TaskClaimed:
    """What is taken over is claimed, by another and anew."""
    return TaskClaimed(
        request=event.request,
        task_id=event.task_id,
        claimed_by=event.taken_over_by,
        claimed_at=event.taken_over_at,
    )
