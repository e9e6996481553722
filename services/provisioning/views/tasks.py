"""What officers must set by hand."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from pydantic import AwareDatetime, BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.work.queue import WorkChange, WorkItem
from bmt.contracts.events import AwaitingOperator
from bmt.contracts.http.provisioning import Task, TaskFilter, TaskStatus
from services.provisioning.connectors import worklist
from services.provisioning.domain.events import (
    ConfigurationDue,
    RetryRequested,
    TaskClaimed,
    TaskCompleted,
    TaskTakenOver,
)

Place = tuple[AwareDatetime | None, str]
"""Where a task stands in its list: when it is due (before all others, where that is not known), then its id."""

Tasks = ViewProjection[Task]

_OF_A_TASK: Final = (AwaitingOperator, TaskClaimed, TaskTakenOver, TaskCompleted)
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_STATUS_OF: Final[Mapping[TaskFilter, TaskStatus]] = MappingProxyType(
    {"open": "open", "claimed": "open", "done": "completed", "completed": "completed"}
)


def fold(task: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    """The task after `incoming`."""
    match incoming.data:
        case AwaitingOperator() as opened:
            return _task(opened, incoming.time)
        case TaskClaimed() as claim if task:
            return {**task, **_named(claim, "claimed_by", "claimed_at")}
        case TaskTakenOver() as over if task:
            claimed = {
                "claimed_by": over.taken_over_by.model_dump(),
                "claimed_at": over.taken_over_at,
            }
            return {**task, **claimed, **_named(over, "taken_over_from")}
        case TaskCompleted() as done if task:
            said = _named(done, "completed_by", "completed_at", "evidence", "note")
            return {**task, "status": "completed", **said}
        case _:
            return task


def _named(event: BaseModel, *names: str) -> Body:
    return {name: as_stored(getattr(event, name)) for name in names}


def _task(opened: AwaitingOperator, at: datetime) -> Body:
    request = opened.request
    return {
        "task_id": opened.task_id,
        "request_id": request.request_id,
        "reference": request.reference,
        "agency": request.agency,
        "kind": request.kind,
        "account": request.applicant.account,
        "target": opened.target,
        "instructions": opened.instructions,
        "status": "open",
        "opened_at": at,
        "applicant_name": request.applicant.name,
        "settings": as_stored(opened.settings),
        "due_at": opened.due_at,
        "claimed_by": None,
        "claimed_at": None,
        "taken_over_from": None,
        "completed_by": None,
        "completed_at": None,
        "evidence": [],
        "note": None,
    }


def task_key(incoming: IncomingEvent[BaseModel]) -> str | None:
    """The task's id."""
    event = incoming.data
    return event.task_id if isinstance(event, _OF_A_TASK) else None


TASKS: Final = View(
    name="tasks",
    model=Task,
    fold=fold,
    key=task_key,
    indexes=[("agency", "status", "due_at", "_id"), ("agency", "due_at", "_id")],
)


async def tasks_of(
    tasks: Tasks, agency: str, status: TaskFilter | None, page: PageRequest[Place]
) -> list[Task]:
    """The agency's tasks, due first at the top."""
    return await tasks.find(
        Query(
            equal={"agency": agency, **({"status": _STATUS_OF[status]} if status else {})},
            at_least={"claimed_at": _LONG_AGO} if status == "claimed" else {},
            order_by="due_at",
            after=page.after,
            limit=page.lookahead,
        )
    )


# What is due: each event that promises work, for the worker of the target that it begins with.


def work_of(incoming: IncomingEvent[BaseModel]) -> Sequence[WorkChange]:
    """What an event promises: each promise is work of its own, whatever became of an earlier one."""
    match incoming.data:
        case ConfigurationDue(ipms_connector=target) | RetryRequested(ipms_connector=target):
            return [_work(incoming, target)]
        case TaskCompleted():
            return [_work(incoming, worklist.NAME)]
        case _:
            return ()


def _work(incoming: IncomingEvent[BaseModel], target: str) -> WorkItem:
    return WorkItem(
        f"{incoming.subject}:{incoming.position}", target, incoming.subject, incoming.time
    )
