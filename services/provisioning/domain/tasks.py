"""The rules of the manual worklist: who may do a task, and that it is done once."""

from collections.abc import Sequence

from bmt.contracts.events import Event
from bmt.contracts.values import Officer
from services.provisioning.domain.commands import ClaimTask, CompleteTask, TakeOverTask
from services.provisioning.domain.errors import (
    ApproverMayNotConfigure,
    ClaimedByAnother,
    NotClaimed,
    TaskFinished,
    UnknownTask,
)
from services.provisioning.domain.events import (
    ConfigurationDue,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)
from services.provisioning.domain.state import Awaiting, NotHeard, State


def claim(command: ClaimTask, state: State) -> Sequence[Event]:
    """One officer at a time; the same one may ask again."""
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


def take_over(command: TakeOverTask, state: State) -> Sequence[Event]:
    """From the one who has it now, by name: of two who take it over from one, one does.

    Raises:
        NotClaimed: from nobody.
        ClaimedByAnother: than whom the officer named.
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


def complete(command: CompleteTask, state: State) -> Sequence[Event]:
    """By whoever did it: a claim keeps two from starting, and must not hold up the one who finished."""
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
    if isinstance(state, NotHeard) or state.order.request.agency != command.agency:
        raise UnknownTask
    if not isinstance(state, Awaiting) or state.task.task_id != command.task_id:
        raise TaskFinished
    if not state.order.approver_may_configure and _approved(command.officer, state.order):
        raise ApproverMayNotConfigure
    return state


def _approved(officer: Officer, order: ConfigurationDue) -> bool:
    """Whether the officer is one of those who approved."""
    approvers = (order.decided_by.subject, *order.approved_before_by)
    return officer.subject.casefold() in {one.casefold() for one in approvers}
