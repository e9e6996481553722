"""The rules of SOP step 3: the events that follow from each command.

A worker's records may come late, twice, or from a worker that was thought dead. A record that no longer fits
the state changes nothing, and is no error.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts import events
from bmt.contracts.events import (
    AwaitingOperator,
    ConfigurationFailed,
    ConfigurationStarted,
    Event,
    Retried,
)
from bmt.contracts.values import Officer
from services.provisioning.domain import confirmation_rules, drift_rules
from services.provisioning.domain.configuration import (
    AcceptDrift,
    AnswerGrant,
    AskConfirmation,
    Awaiting,
    AwaitOperator,
    ClaimTask,
    ClearDrift,
    Command,
    CompleteTask,
    Configured,
    Correct,
    Due,
    Failed,
    NotRequested,
    ObserveTargets,
    RecordConfigured,
    RecordFailure,
    RemindOffice,
    RequestConfiguration,
    Retry,
    Start,
    Started,
    State,
    SupersedeConfirmation,
    TakeOverTask,
    evolve,
)
from services.provisioning.domain.errors import (
    ApprovalIncomplete,
    ApproverMayNotConfigure,
    ClaimedByAnother,
    NotByHand,
    NotClaimed,
    NothingToRetry,
    NotRetryable,
    Overtaken,
    TaskFinished,
    UnknownRequest,
    UnknownTask,
)
from services.provisioning.domain.events import (
    ConfigurationDue,
    Corrected,
    CorrectionFailed,
    CorrectionStarted,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)
from services.provisioning.domain.order import WORKLIST, by_hand, goal, shortfall, shown_instead

ITSELF: Final = Officer(subject="provisioning", name="bmt provisioning", role="service")
"""The configurer if no officer is involved."""


def decide(command: Command, state: State) -> Sequence[Event]:
    """The events that follow from `command`.

    Raises:
        Refused: one of `errors`, with the reason why none follows.
    """
    return _RULES[type(command)](command, state)


def _request(command: RequestConfiguration, state: State) -> Sequence[Event]:
    """The first approval counts, so nothing is configured twice."""
    if not isinstance(state, NotRequested):
        return ()
    approval, policy = command.approved, command.policy
    granted = (approval.approved.quota_bytes, approval.approved.max_file_size_bytes)
    if approval.request.kind == "application" and None in granted:
        raise ApprovalIncomplete
    return [
        ConfigurationDue(
            request=approval.request,
            approved=approval.approved,
            decided_by=approval.decided_by,
            decided_at=approval.decided_at,
            due_at=policy.due_at(approval.decided_at),
            ipms_connector=policy.ipms_connector,
            storage_connector=policy.storage_connector,
            approver_may_configure=policy.approver_may_configure,
            approved_before_by=tuple(one.endorsed_by.subject for one in approval.endorsements),
            reason=approval.reason,
        )
    ]


def _start(command: Start, state: State) -> Sequence[Event]:
    if not isinstance(state, Due):
        return ()
    if state.corrects:
        return [CorrectionStarted(request=state.order.request, plan=command.plan)]
    return [
        ConfigurationStarted(request=state.order.request, plan=command.plan, retry=_retried(state))
    ]


def _await(command: AwaitOperator, state: State) -> Sequence[Event]:
    if not isinstance(state, Started) or state.statement is not None:
        return ()
    if state.corrects:
        reason = "only an officer can set it, and a correction opens no task"
        return _fail(RecordFailure(command.target, reason, retryable=True), state)
    return [
        AwaitingOperator(
            request=state.order.request,
            task_id=command.task_id,
            target=command.target,
            instructions=command.instructions,
            settings=by_hand(command.target, goal(state.order)),
            due_at=state.order.due_at,
        )
    ]


def _claim(command: ClaimTask, state: State) -> Sequence[Event]:
    """One officer claims a task; claiming it again changes nothing."""
    awaiting = _open_task(command, state)
    if awaiting.claim is not None:
        if awaiting.claim.claimed_by.subject != command.officer.subject:
            raise ClaimedByAnother(awaiting.claim)
        return ()
    return [
        TaskClaimed(
            request=awaiting.order.request,
            task_id=command.task_id,
            claimed_by=command.officer,
            claimed_at=command.claimed_at,
        )
    ]


def _take_over(command: TakeOverTask, state: State) -> Sequence[Event]:
    """Take the task from the officer who is named: if two colleagues try, one succeeds.

    Raises:
        NotClaimed: nobody has it.
        ClaimedByAnother: somebody else has it.
    """
    awaiting = _open_task(command, state)
    if awaiting.claim is None:
        raise NotClaimed
    claimant = awaiting.claim.claimed_by
    if claimant.subject == command.officer.subject:
        return ()
    if claimant.subject != command.claimed_by:
        raise ClaimedByAnother(awaiting.claim)
    return [
        TaskTakenOver(
            request=awaiting.order.request,
            task_id=command.task_id,
            taken_over_from=claimant,
            taken_over_by=command.officer,
            taken_over_at=command.taken_over_at,
            reason=command.reason,
        )
    ]


def _complete(command: CompleteTask, state: State) -> Sequence[Event]:
    """Any officer may complete it: a claim prevents double work, and must not block whoever finished."""
    awaiting = _open_task(command, state)
    return [
        TaskCompleted(
            request=awaiting.order.request,
            task_id=command.task_id,
            completed_by=command.officer,
            completed_at=command.completed_at,
            evidence=command.evidence,
            note=command.note,
        )
    ]


def _open_task(command: ClaimTask | TakeOverTask | CompleteTask, state: State) -> Awaiting:
    """The state in which this officer may work on this task."""
    if isinstance(state, NotRequested) or state.order.request.agency != command.agency:
        raise UnknownTask
    if not isinstance(state, Awaiting) or state.task.task_id != command.task_id:
        raise TaskFinished
    if not state.order.approver_may_configure and _approved(command.officer, state.order):
        raise ApproverMayNotConfigure
    return state


def _approved(officer: Officer, order: ConfigurationDue) -> bool:
    """Whether the officer is one of the approvers."""
    approvers = (order.decided_by.subject, *order.approved_before_by)
    return officer.subject.casefold() in {one.casefold() for one in approvers}


def _record(command: RecordConfigured, state: State) -> Sequence[Event]:
    """Configured only if what is in force is what was approved."""
    if not isinstance(state, Started):
        return ()
    order = state.order
    wrong = shortfall(command.effective, goal(order))
    if wrong:
        reason = shown_instead(wrong)
        return _fail(RecordFailure(wrong[0].target, reason, retryable=True), state)
    if state.corrects:
        return [
            Corrected(
                request=order.request,
                corrected_at=command.configured_at,
                effective=command.effective,
                evidence=command.evidence,
            )
        ]
    return [
        events.Configured(
            request=order.request,
            configured_by=state.statement.completed_by if state.statement else ITSELF,
            configured_at=command.configured_at,
            effective=command.effective,
            evidence=command.evidence,
            approval_reason=order.reason,
        )
    ]


def _fail(command: RecordFailure, state: State) -> Sequence[Event]:
    if not isinstance(state, Due | Started):
        return ()
    if state.corrects:
        return [
            CorrectionFailed(
                request=state.order.request,
                target=command.target,
                reason=command.reason,
                code=command.code,
            )
        ]
    return [
        ConfigurationFailed(
            request=state.order.request,
            target=command.target,
            reason=command.reason,
            retryable=command.retryable,
            retry=_retried(state) if isinstance(state, Due) else None,
            code=command.code,
        )
    ]


def _retried(due: Due) -> Retried | None:
    """The retry that began this round, for the round's first event."""
    if due.retry is None:
        return None
    return Retried(by=due.retry.requested_by, at=due.retry.requested_at, reason=due.retry.reason)


def _retry(command: Retry, state: State) -> Sequence[Event]:
    """A request that is under way needs no retry."""
    if isinstance(state, NotRequested) or command.agency not in {None, state.order.request.agency}:
        raise UnknownRequest
    match state:
        case Configured():
            raise NothingToRetry
        case Failed(failure=failure) if not failure.retryable:
            raise NotRetryable(failure.reason)
        case Failed() if command.overtaken:
            raise Overtaken
        case Failed(failure=failure) if command.by_hand and failure.target != "ipms":
            raise NotByHand
        case Failed(order=order):
            return [
                RetryRequested(
                    request=order.request,
                    requested_by=command.officer,
                    requested_at=command.requested_at,
                    ipms_connector=WORKLIST if command.by_hand else order.ipms_connector,
                    reason=command.reason,
                )
            ]
        case _:
            return ()


_RULES: Final[Mapping[type[Command], Callable[[Any, State], Sequence[Event]]]] = MappingProxyType(
    {
        RequestConfiguration: _request,
        Start: _start,
        AwaitOperator: _await,
        ClaimTask: _claim,
        TakeOverTask: _take_over,
        CompleteTask: _complete,
        RecordConfigured: _record,
        RecordFailure: _fail,
        Retry: _retry,
        ObserveTargets: drift_rules.observe,
        ClearDrift: drift_rules.clear,
        AcceptDrift: drift_rules.accept,
        Correct: drift_rules.correct,
        AskConfirmation: confirmation_rules.ask,
        AnswerGrant: confirmation_rules.answer,
        RemindOffice: confirmation_rules.remind,
        SupersedeConfirmation: confirmation_rules.supersede,
    }
)


DECIDER: Final[Decider[Command, State]] = Decider(NotRequested(), decide, evolve)
