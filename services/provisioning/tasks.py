"""Tasks: what officers set by hand, each for their own agency. Who claims, takes over and completes one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, get_args

from fastapi import Depends
from pydantic import AwareDatetime

from bmt.chassis.eventsourcing.execution import Executed
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import (
    CommandContext,
    Id,
    Page,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.http.sorting import SortedPage, Sorting
from bmt.chassis.readmodels.view_store import Query
from bmt.chassis.runtime.documents import Claimant, DocumentRights
from bmt.contracts.http.provisioning import (
    Claimed,
    Completed,
    Completion,
    TakenOver,
    TakeOver,
    Task,
    TaskFilter,
    TaskInFull,
    TaskStatus,
)
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Officer
from services.provisioning.domain.configuration import (
    STATUS,
    ClaimTask,
    CompleteTask,
    Configured,
    Known,
    TakeOverTask,
)
from services.provisioning.domain.errors import UnknownTask
from services.provisioning.handlers import officer, stream_of
from services.provisioning.ports import Here, Ports
from services.provisioning.views import Tasks

TASKS: Final = Sorting({"due_at": AwareDatetime | None, "name": str | None, "kind": str})
"""What is not known comes first."""

TaskOfficer = Annotated[Principal, Depends(require("administrator", "operator"))]
TaskCommand = Annotated[CommandContext, Depends(command("administrator", "operator"))]
TaskPage = Annotated[SortedPage, Depends(TASKS.requested)]

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_STATUS_OF: Final[Mapping[TaskFilter, TaskStatus]] = {
    "open": "open",
    "claimed": "open",
    "done": "completed",
    "completed": "completed",
}


class DocumentUnknown(Refused):
    """The evidence names a document that does not exist, or that the officer may not use."""

    problem = "document_unknown"


async def tasks_of(
    tasks: Tasks, agency: str, status: TaskFilter | None, page: SortedPage
) -> list[Task]:
    """The agency's tasks."""
    statuses = [_STATUS_OF[status]] if status else get_args(TaskStatus)
    return await tasks.find(
        Query(
            equal={"agency": agency},
            one_of={"status": statuses},
            at_least={"claimed_at": _LONG_AGO} if status == "claimed" else {},
            order_by=_field(page.order),
            descending=page.descending,
            nullable=page.order != "kind",
            after=page.after,
            limit=page.lookahead,
        )
    )


def _field(order: str) -> str:
    return "applicant_name" if order == "name" else order


async def task_of(task_id: str, caller: Principal, tasks: Tasks) -> Task:
    """A task of the caller's agency.

    Raises:
        UnknownTask: there is none, or it is another agency's.
    """
    task = await tasks.get(task_id)
    if task is None or task.agency != caller.agency:
        raise UnknownTask
    return task


async def claim_task(task_id: str, context: CommandContext, here: Ports) -> Executed:
    """Claim a task.

    Raises:
        Refused: as the decider says.
    """
    claimant = task_officer(context)
    claim = ClaimTask(task_id, claimant, context.principal.agency, here.clock())
    return await _execute(claim, context, here)


async def take_over_task(
    task_id: str, takeover: TakeOver, context: CommandContext, here: Ports
) -> Executed:
    """Do a task in place of the colleague who claimed it.

    Raises:
        Refused: as the decider says.
    """
    take_over = TakeOverTask(
        task_id=task_id,
        officer=task_officer(context),
        agency=context.principal.agency,
        claimed_by=takeover.claimed_by,
        reason=takeover.reason,
        taken_over_at=here.clock(),
    )
    return await _execute(take_over, context, here)


async def complete_task(
    task_id: str, completion: Completion, context: CommandContext, here: Ports
) -> Executed:
    """State that a task is done, with documents as evidence.

    Raises:
        Refused: as the decider says; `document_unknown`.
    """
    task = await task_of(task_id, context.principal, here.tasks)
    claimant = Claimant.of(context.principal)
    await require_documents(completion.evidence, claimant, here.document_rights, "/evidence/{}")
    complete = CompleteTask(
        task_id=task_id,
        officer=task_officer(context),
        agency=context.principal.agency,
        completed_at=here.clock(),
        evidence=tuple(dict.fromkeys(completion.evidence)),
        note=completion.note,
    )
    return await here.execution.execute(context.to_command(stream_of(task.request_id), complete))


async def _execute(
    change: ClaimTask | TakeOverTask, context: CommandContext, here: Ports
) -> Executed:
    task = await task_of(change.task_id, context.principal, here.tasks)
    return await here.execution.execute(context.to_command(stream_of(task.request_id), change))


async def require_documents(
    evidence: Sequence[str], claimant: Claimant, documents: DocumentRights, pointer: str
) -> None:
    """Raises `DocumentUnknown` unless the officer may refer to all of them; `pointer` has a place for the index."""
    stored = await documents.find(evidence, claimant)
    missing = [index for index, document in enumerate(evidence) if document not in stored]
    if missing:
        raise DocumentUnknown(
            "Hand the evidence in with POST /v1/documents of intake first.",
            errors=tuple(
                FieldError.of(pointer.format(index), "document_unknown") for index in missing
            ),
        )


def task_officer(context: CommandContext) -> Officer:
    """The officer of a task: the agency's administrator, or its operator for IPMS."""
    administers = context.principal.has("administrator")
    return officer(context, "administrator" if administers else "operator")


# Over HTTP.

router = api_router(tags=["tasks"])
"""For administrators and operators, each for the agency in the token."""


@router.get("/v1/tasks", summary="What officers must set by hand, due first at the top")
async def listed(
    here: Here, caller: TaskOfficer, page: TaskPage, status: TaskFilter | None = None
) -> Page[Task]:
    """`status=open`: to be done, claimed or not; `claimed`: somebody has it; `done`: completed."""
    found = await tasks_of(here.tasks, caller.agency, status, page)
    return TASKS.page(
        found, page, key=lambda task: (getattr(task, _field(page.order)), task.task_id)
    )


@router.get(
    "/v1/tasks/{task_id}",
    summary="One task, and once it is configured what is in force and how that was proven",
    responses=problems("not_found"),
)
async def task(here: Here, task_id: Id, caller: TaskOfficer) -> TaskInFull:
    found = await task_of(task_id, caller, here.tasks)
    return _in_full(found, await here.execution.state(stream_of(found.request_id)))


@router.post(
    "/v1/tasks/{task_id}/claim",
    summary="Take a task on",
    status_code=201,
    response_model=Claimed,
    responses=problems("forbidden", "not_found", "already_decided", "request_closed"),
)
async def claim(here: Here, task_id: Id, context: TaskCommand) -> JsonResponse:
    """Nobody else can claim it then: 409 `already_decided`, with who did as `decision`.

    A colleague may take it over. 403: you approved the request, and your agency separates the two duties.
    """
    executed = await claim_task(task_id, context, here)
    by, request_id = task_officer(context), executed.commit.subject
    return answer(executed, Claimed(task_id=task_id, request_id=request_id, claimed_by=by), 201)


@router.post(
    "/v1/tasks/{task_id}/takeover",
    summary="Do a task in the place of the colleague who claimed it",
    status_code=201,
    response_model=TakenOver,
    responses=problems(
        "forbidden", "not_found", "already_decided", "request_closed", "validation_failed"
    ),
)
async def take_over(
    here: Here, task_id: Id, takeover: TakeOver, context: TaskCommand
) -> JsonResponse:
    """Any officer who could have claimed it, at any time; who had it and why is kept.

    409 `already_decided`: somebody else has it than you named (`decision` shows who): of two
    colleagues who take a task over, one does. 403: as for a claim.
    """
    executed = await take_over_task(task_id, takeover, context, here)
    commit = executed.commit
    # Without an event, the caller had the task before.
    former = commit.events[0].data["taken_over_from"] if commit.events else None
    body = TakenOver(
        task_id=task_id,
        request_id=commit.subject,
        claimed_by=task_officer(context),
        taken_over_from=former,
    )
    return answer(executed, body, 201)


@router.post(
    "/v1/tasks/{task_id}/completion",
    summary="State that it is done, with evidence",
    status_code=201,
    response_model=Completed,
    responses=problems(
        "forbidden", "not_found", "request_closed", "validation_failed", "document_unknown"
    ),
)
async def complete(
    here: Here, task_id: Id, completion: Completion, context: TaskCommand
) -> JsonResponse:
    """Your statement, with its documents, is what the configuration is proven by.

    Claiming first is not needed, and a colleague's claim is no obstacle.
    """
    executed = await complete_task(task_id, completion, context, here)
    (event,) = executed.commit.events
    body = {**event.data, "request_id": executed.commit.subject}
    return answer(executed, Completed.model_validate(body), 201)


def _in_full(task: Task, state: Known) -> TaskInFull:
    """The task; once its request is configured, also what is in force and the proof."""
    configured = state.said if isinstance(state, Configured) else None
    return TaskInFull(
        **dict(task),
        request_status=STATUS[type(state)],
        effective=configured.effective if configured else None,
        proof=configured.evidence if configured else (),
    )
