"""What calls are answered with; a command's answer comes from its commit, so that a replay says the same."""

from collections.abc import Mapping, Sequence
from typing import Final

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.http.idempotency import CommandContext
from bmt.contracts.http.provisioning import (
    ByHand,
    Claimed,
    Completed,
    Failure,
    TakenOver,
    Task,
    TaskInFull,
    Unfinished,
)
from bmt.contracts.values import Status
from services.provisioning.connectors.targets import Outlook
from services.provisioning.domain import goal
from services.provisioning.domain import state as states
from services.provisioning.domain.order import Order
from services.provisioning.handlers import task_officer
from services.provisioning.views.configurations import Configuration

STATUS: Final[Mapping[type[states.Known], Status]] = {
    states.Due: "approved",
    states.Started: "configuring",
    states.Awaiting: "awaiting_operator",
    states.Configured: "configured",
    states.Failed: "configuration_failed",
}
"""What a request's status is called in each state."""


def by_hand(outlook: Outlook, order: Order) -> tuple[ByHand, ...]:
    """What a person is asked to set by this order."""
    return tuple(
        ByHand(
            target=needed.target,
            instructions=needed.instructions,
            settings=goal.by_hand(needed.target, goal.goal(order)),
        )
        for needed in outlook.by_hand
    )


def in_full(task: Task, state: states.Known) -> TaskInFull:
    """The task, with what is in force and how that was proven once its request is configured."""
    said = state.said if isinstance(state, states.Configured) else None
    return TaskInFull(
        **dict(task),
        request_status=STATUS[type(state)],
        effective=said.effective if said else None,
        proof=said.evidence if said else (),
    )


def claimed(task_id: str, commit: Commit, context: CommandContext) -> Claimed:
    """The answer to a claim: who asked has the task, now or since before."""
    by = task_officer(context)
    return Claimed(task_id=task_id, request_id=commit.subject, claimed_by=by)


def taken_over(task_id: str, commit: Commit, context: CommandContext) -> TakenOver:
    """The answer to a takeover: who had the task before; nobody else, where the caller had it."""
    former = commit.events[0].data["taken_over_from"] if commit.events else None
    by = task_officer(context)
    return TakenOver(
        task_id=task_id, request_id=commit.subject, claimed_by=by, taken_over_from=former
    )


def completed(commit: Commit) -> Completed:
    """The answer to a completion."""
    (event,) = commit.events
    return Completed.model_validate({**event.data, "request_id": commit.subject})


def unfinished(found: Sequence[Configuration], reasons: Mapping[str, str]) -> list[Unfinished]:
    """The items of a list; what the worker last met with says more than the status does."""
    return [
        Unfinished.model_validate(
            {
                **each.model_dump(exclude={"account"}),
                "waiting_for": reasons.get(each.request_id) or each.waiting_for,
            }
        )
        for each in found
    ]


def failure(of: Configuration) -> Failure:
    """An item of the list of failures."""
    return Failure.model_validate({**of.model_dump(), "reason": of.waiting_for})
