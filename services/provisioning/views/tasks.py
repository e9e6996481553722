"""What officers must set by hand."""

from datetime import datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel

from bmt.chassis.decider import Heard
from bmt.chassis.pagination import PageRequest
from bmt.chassis.view_store import Query
from bmt.chassis.views import View, ViewProjection
from bmt.contracts.events import AwaitingOperator
from bmt.contracts.http.provisioning import Task, TaskStatus
from services.provisioning.domain.events import TaskClaimed, TaskCompleted

Place = tuple[AwareDatetime, str]
"""Where a task stands in its list: when it was opened, then its id."""

Tasks = ViewProjection[Task]


def fold(document: Task | None, heard: Heard[BaseModel]) -> Task | None:
    """The task after `heard`."""
    match heard.data:
        case AwaitingOperator() as opened:
            return _task(opened, heard.time)
        case TaskClaimed() as claim if document:
            update = {"claimed_by": claim.claimed_by, "claimed_at": claim.claimed_at}
            return document.model_copy(update=update)
        case TaskCompleted() as done if document:
            update = {"completed_by": done.completed_by, "completed_at": done.completed_at}
            return document.model_copy(update={"status": "completed", **update})
        case _:
            return document


def _task(opened: AwaitingOperator, at: datetime) -> Task:
    request = opened.request
    return Task(
        task_id=opened.task_id,
        request_id=request.request_id,
        reference=request.reference,
        agency=request.agency,
        kind=request.kind,
        account=request.applicant.account,
        target=opened.target,
        instructions=opened.instructions,
        status="open",
        opened_at=at,
    )


def task_key(heard: Heard[BaseModel]) -> str | None:
    """The task's id."""
    event = heard.data
    return (
        event.task_id if isinstance(event, AwaitingOperator | TaskClaimed | TaskCompleted) else None
    )


TASKS: Final = View(
    name="tasks",
    model=Task,
    fold=fold,
    key=task_key,
    indexes=[("agency", "status", "opened_at", "_id"), ("agency", "opened_at", "_id")],
)


async def tasks_of(
    tasks: Tasks, agency: str, status: TaskStatus | None, page: PageRequest[Place]
) -> list[Task]:
    """The agency's tasks, the longest open first."""
    return await tasks.find(
        Query(
            equal={"agency": agency, **({"status": status} if status else {})},
            order_by="opened_at",
            after=page.after,
            limit=page.lookahead,
        )
    )
