"""What calls are answered with; a command's answer comes from its commit, so that a replay says the same."""

from collections.abc import Mapping, Sequence
from typing import Final

from bmt.chassis.event_store import Commit
from bmt.chassis.idempotency import CommandContext
from bmt.contracts.http.provisioning import Claimed, Completed, Obstacle, Plan, Unfinished
from bmt.contracts.values import Status
from services.provisioning.connectors.targets import Outlook, Targets
from services.provisioning.domain import state as states
from services.provisioning.handlers import task_officer
from services.provisioning.views.configurations import Configuration

_STATUS: Final[Mapping[type[states.Known], Status]] = {
    states.Due: "approved",
    states.Started: "configuring",
    states.Awaiting: "awaiting_operator",
    states.Configured: "configured",
    states.Failed: "configuration_failed",
}


async def plan(state: states.Known, targets: Targets) -> Plan:
    """What configuring the request would change, read live; nothing once it is configured.

    Raises:
        TargetAway: a target cannot be asked now.
    """
    order = state.order
    statement = getattr(state, "statement", None)
    done = isinstance(state, states.Configured)
    outlook = Outlook((), ()) if done else await targets.outlook(order, statement)
    return Plan(
        request_id=order.request.request_id,
        kind=order.request.kind,
        account=order.request.applicant.account,
        status=_STATUS[type(state)],
        plan=outlook.changes,
        obstacles=tuple(
            Obstacle(target=refused.target, reason=refused.reason) for refused in outlook.refusals
        ),
    )


def claimed(task_id: str, commit: Commit, context: CommandContext) -> Claimed:
    """The answer to a claim: who asked has the task, now or since before."""
    by = task_officer(context)
    return Claimed(task_id=task_id, request_id=commit.subject, claimed_by=by)


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
