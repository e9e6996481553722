"""A request's configuration: its commands, its states and how events change them.

`round` counts the retries, to distinguish the records of one round from the next one's. `statement` is an
officer's statement of work by hand; it outlives a failure of the other target, so that nobody repeats it.
`retry` is the retry that began the round, until an event has published it. `corrects` is the configured state whose
drift the round corrects: such a round is the same work, and its events stay within provisioning.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from pydantic import BaseModel

from bmt.contracts import events
from bmt.contracts.events import (
    Approved,
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    ConfirmationCause,
    ConfirmationDue,
    Effective,
    Evidence,
    GrantConfirmed,
    PlannedChange,
    Target,
    TerminationProposed,
)
from bmt.contracts.values import Officer, Status, immutable
from services.provisioning.domain.events import (
    ConfigurationDue,
    ConfirmationSuperseded,
    Corrected,
    CorrectionFailed,
    CorrectionRequested,
    CorrectionStarted,
    DriftAccepted,
    DriftCleared,
    DriftDetected,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)
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
    """Record that a target refuses, and that waiting will not help; `code` is of `bmt.contracts.faults`, if there is one."""

    target: Target
    reason: str
    retryable: bool
    code: str | None = None


@immutable
class Retry:
    """Try again after a failure.

    Attributes:
        agency: the only agency whose requests the officer may retry; None: all.
        overtaken: a later request for the same account is under way or configured.
        reason: in the officer's words.
        by_hand: an officer sets IPMS, in the place of its interface.
    """

    officer: Officer
    agency: str | None
    overtaken: bool
    requested_at: datetime
    reason: str | None = None
    by_hand: bool = False


@immutable
class ObserveTargets:
    """Record what targets show; a target that gave no whole answer is left out."""

    shown: Mapping[Target, BaseModel]
    at: datetime


@immutable
class ClearDrift:
    """A later request for the account was configured: how this one was is of no interest any more."""

    at: datetime


@immutable
class AcceptDrift:
    """Leave the differences as they are; `agency` is that of the officer's token."""

    officer: Officer
    agency: str
    reason: str
    at: datetime


@immutable
class Correct:
    """Configure again what was configured, under the rules of the agency now.

    Attributes:
        agency: that of the officer's token.
        overtaken: as in `Retry`.
    """

    officer: Officer
    agency: str
    reason: str
    at: datetime
    policy: Policy
    overtaken: bool = False


@immutable
class AskConfirmation:
    """Ask whether the grant is still needed: once in a campaign, and not while an answer is awaited.

    Attributes:
        in_force_since: configured, or last answered about.
        directory_read_at: when the directory gave the cause.
    """

    campaign: str
    cause: ConfirmationCause
    in_force_since: datetime
    answer_by: datetime
    directory_read_at: datetime | None = None


@immutable
class AnswerGrant:
    """The account still needs the service, or the grant's termination is requested.

    Attributes:
        agency: that of the officer's token, or the grant's own where its rule answers.
        termination_id: of the request that follows; None: the grant is confirmed.
        superseded: a later request for the account was configured.
    """

    officer: Officer
    agency: str
    reason: str
    at: datetime
    termination_id: str | None = None
    superseded: bool = False


@immutable
class RemindOffice:
    """Remind the agency's office of the number of grants that wait for its answer."""

    campaign: str
    level: Literal["reminder", "escalation"]
    answer_by: datetime
    grants: int


@immutable
class SupersedeConfirmation:
    """A later request for the account was configured: no answer is needed any more."""

    at: datetime


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
    | ObserveTargets
    | ClearDrift
    | AcceptDrift
    | Correct
    | AskConfirmation
    | AnswerGrant
    | RemindOffice
    | SupersedeConfirmation
)


@immutable
class NotRequested:
    """The stream is empty: no approval was consumed."""


@immutable
class Due:
    """Approved; no target was changed in this round."""

    order: ConfigurationDue
    round: int = 0
    statement: TaskCompleted | None = None
    retry: RetryRequested | None = None
    corrects: "Configured | None" = None


@immutable
class Started:
    """Targets are being changed; after a crash, each is read first."""

    order: ConfigurationDue
    round: int
    statement: TaskCompleted | None
    corrects: "Configured | None" = None


@immutable
class Awaiting:
    """An officer must do the task; `claim` is the present one."""

    order: ConfigurationDue
    round: int
    task: AwaitingOperator
    claim: TaskClaimed | None = None


@immutable
class Confirmation:
    """What the agency was last asked about the grant, and its answer, if there is one."""

    due: ConfirmationDue
    answer: GrantConfirmed | TerminationProposed | ConfirmationSuperseded | None = None


@immutable
class Configured:
    """In force as approved, as far as is known.

    Attributes:
        drift: what targets showed instead, until it is gone.
        accepted: an officer leaves it so.
        failure: why correcting it failed.
        confirmation: the last time that the agency was asked whether it is still needed.
    """

    order: ConfigurationDue
    said: events.Configured
    round: int = 0
    statement: TaskCompleted | None = None
    drift: DriftDetected | None = None
    accepted: bool = False
    failure: CorrectionFailed | None = None
    confirmation: Confirmation | None = None


@immutable
class Failed:
    """A target refused; a person may retry if the failure is retryable."""

    order: ConfigurationDue
    round: int
    statement: TaskCompleted | None
    failure: ConfigurationFailed


Ongoing = Due | Started | Awaiting
Known = Ongoing | Configured | Failed
State = NotRequested | Known

STATUS: Final[Mapping[type[Known], Status]] = MappingProxyType(
    {
        Due: "approved",
        Started: "configuring",
        Awaiting: "awaiting_operator",
        Configured: "configured",
        Failed: "configuration_failed",
    }
)
"""The request's status in each state."""


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`; a stream begins with ConfigurationDue."""
    after: State = state
    match state, event:
        case _, ConfigurationDue():
            after = Due(event)
        case Due(order, round_, statement), ConfigurationStarted() | CorrectionStarted():
            after = Started(order, round_, statement, state.corrects)
        case Started(order, round_), AwaitingOperator():
            after = Awaiting(order, round_, event)
        case Awaiting(order, round_, task), TaskClaimed():
            after = Awaiting(order, round_, task, event)
        case Awaiting(order, round_, task), TaskTakenOver():
            after = Awaiting(order, round_, task, _claim(event))
        case Awaiting(order, round_), TaskCompleted():
            after = Started(order, round_, event)
        case Due(order, round_, statement) | Started(
            order, round_, statement
        ), ConfigurationFailed():
            after = Failed(order, round_, statement, event)
        case Failed(order, round_, statement), RetryRequested():
            # From now on IPMS is set as the retry says.
            order = order.model_copy(update={"ipms_connector": event.ipms_connector})
            after = Due(order, round_ + 1, statement, event)
        case Started(order, round_, statement), events.Configured():
            after = Configured(order, event, round_, statement)
        case _:
            after = _drifted(state, event)
    return after


def _drifted(state: State, event: BaseModel) -> State:
    """The state after an event about drift, and about correcting it."""
    after: State = state
    match state, event:
        case Configured(), DriftDetected():
            after = replace(state, drift=event, accepted=False, failure=None)
        case Configured(), DriftCleared():
            after = replace(state, drift=None, accepted=False, failure=None)
        case Configured(), DriftAccepted():
            after = replace(state, accepted=True)
        case Configured(order, _, round_, statement), CorrectionRequested():
            order = order.model_copy(update={"ipms_connector": event.ipms_connector})
            after = Due(order, round_ + 1, statement, corrects=state)
        case Due(corrects=Configured() as before) | Started(
            corrects=Configured() as before
        ), CorrectionFailed():
            after = replace(before, round=state.round, accepted=False, failure=event)
        case Started(order, round_, statement, Configured(_, configured) as before), Corrected():
            confirmation = before.confirmation
            after = Configured(order, configured, round_, statement, confirmation=confirmation)
        case _:
            after = _confirmed(state, event)
    return after


def in_force(state: State) -> Configured | None:
    """What was configured, also while it is being corrected."""
    if isinstance(state, Due | Started):
        return state.corrects
    return state if isinstance(state, Configured) else None


def _confirmed(state: State, event: BaseModel) -> State:
    """The state after a question to the agency about the grant, or its answer."""
    before = in_force(state)
    match event:
        case ConfirmationDue():
            confirmation = Confirmation(event)
        case GrantConfirmed() | TerminationProposed() | ConfirmationSuperseded() if (
            before and before.confirmation
        ):
            confirmation = replace(before.confirmation, answer=event)
        case _:
            return state
    if isinstance(state, Due | Started) and state.corrects:
        return replace(state, corrects=replace(state.corrects, confirmation=confirmation))
    return replace(state, confirmation=confirmation) if isinstance(state, Configured) else state


def _claim(event: TaskTakenOver) -> TaskClaimed:
    """A takeover is a new claim."""
    return TaskClaimed(
        request=event.request,
        task_id=event.task_id,
        claimed_by=event.taken_over_by,
        claimed_at=event.taken_over_at,
    )
