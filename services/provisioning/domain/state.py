"""The state of a configuration: one class for each status, and the transitions between them.

`round` counts the retries, to distinguish the records of one round from the next one's. `statement` is an
officer's statement of work by hand; it outlives a failure of the other target, so that nobody repeats it.
`retry` is the retry that began the round, until an event has published it.
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
    """The stream is empty: no approval was consumed."""


@immutable
class Due:
    """Approved; no target was changed in this round."""

    order: ConfigurationDue
    round: int = 0
    statement: TaskCompleted | None = None
    retry: RetryRequested | None = None


@immutable
class Started:
    """Targets are being changed; after a crash, each is read first."""

    order: ConfigurationDue
    round: int
    statement: TaskCompleted | None


@immutable
class Awaiting:
    """An officer must do the task; `claim` is the present one."""

    order: ConfigurationDue
    round: int
    task: AwaitingOperator
    claim: TaskClaimed | None = None


@immutable
class Configured:
    """In force as approved, for good."""

    order: ConfigurationDue
    said: events.Configured


@immutable
class Failed:
    """A target refused; a person may retry if the failure is retryable."""

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
    """A takeover is a new claim."""
    return TaskClaimed(
        request=event.request,
        task_id=event.task_id,
        claimed_by=event.taken_over_by,
        claimed_at=event.taken_over_at,
    )
