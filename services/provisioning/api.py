"""Provisioning over HTTP: plans, entitlements, officers' tasks, and operators' lists."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.idempotency import CommandContext, answer, command
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Id, Page, PageRequest, Paging
from bmt.chassis.http.responses import JsonResponse
from bmt.chassis.work.queue import WorkQueue
from bmt.contracts.events import Granted
from bmt.contracts.http.provisioning import (
    Claimed,
    Completed,
    Completion,
    Entitlement,
    Failure,
    Plan,
    RetryAccepted,
    RetryOrder,
    TakenOver,
    TakeOver,
    Task,
    TaskFilter,
    TaskInFull,
    Unfinished,
)
from bmt.contracts.problems import Refused
from bmt.contracts.values import LARGEST_EXACT_INTEGER
from services.provisioning import handlers, queries
from services.provisioning.domain import configuration as states
from services.provisioning.handlers import OfficerCommands
from services.provisioning.plans import Plans
from services.provisioning.views import Configuration, Configurations, Entitlements, Tasks

BY_TIME: Final = Paging(tuple[AwareDatetime, str])
BY_DUE_TIME: Final = Paging(tuple[AwareDatetime | None, str])
MOST_REASONS: Final = 1000
_NO_BODY: Final = RetryOrder()

TaskOfficer = Annotated[Principal, Depends(require("administrator", "operator"))]
Overseer = Annotated[Principal, Depends(require("administrator", "operator", "auditor"))]
Reader = Annotated[Principal, Depends(require("administrator", "operator", "auditor", "applicant"))]
TaskCommand = Annotated[CommandContext, Depends(command("administrator", "operator"))]
RetryCommand = Annotated[CommandContext, Depends(command("operator", "administrator"))]
TimePage = Annotated[PageRequest[queries.TimePlace], Depends(BY_TIME)]
TaskPage = Annotated[PageRequest[queries.TaskPlace], Depends(BY_DUE_TIME)]
Size = Annotated[
    int | None,
    Query(
        ge=1,
        le=LARGEST_EXACT_INTEGER,
        description="Bytes. See the plan for this size; default: as asked. Applications only, and "
        "only before the decision: then the size that was approved counts.",
    ),
]


class NothingInForce(Refused):
    """Nothing was ever configured for the account, or its agency is not the caller's."""

    problem = "not_found"


def request_routes(
    officers: OfficerCommands,
    plans: Plans,
    configurations: Configurations,
    entitlements: Entitlements,
    work: WorkQueue,
) -> APIRouter:
    """The routes about requests and accounts."""
    routes = api_router(tags=["configuration"])

    @routes.get(
        "/v1/requests/{request_id}/plan",
        summary="What configuring would change, or approving, read live",
        responses=problems(
            "not_found", "validation_failed", "quota_exceeds_maximum", "unavailable"
        ),
    )
    async def plan(
        request_id: Id,
        caller: Overseer,
        quota_bytes: Size = None,
        max_file_size_bytes: Size = None,
    ) -> Plan:
        """For requests that were approved, and for those under review: what if it were approved now.

        Looking changes nothing. 503 while a target is away, takes in a change, or does not answer
        within some seconds: nothing is guessed. 422: no decision could grant such sizes.
        """
        proposed = Granted(quota_bytes=quota_bytes, max_file_size_bytes=max_file_size_bytes)
        return await plans.of(request_id, proposed, caller)

    @routes.post(
        "/v1/requests/{request_id}/retry",
        summary="Try again after a failure",
        status_code=202,
        response_model=RetryAccepted,
        responses=problems("not_found", "request_closed", "validation_failed"),
    )
    async def retry(
        request_id: Id, context: RetryCommand, body: RetryOrder = _NO_BODY
    ) -> JsonResponse:
        """Operators for every agency, administrators for their own.

        After `ConfigurationFailed` with `retryable`, once its cause is mended. A request that is under way
        goes on by itself: then this changes nothing. 409 `request_closed`: the request is configured, the
        failure is one that no retry mends, or a later request for the same account has begun.
        """
        executed = await officers.retry(request_id, body.reason, context)
        return answer(executed, RetryAccepted(request_id=request_id), 202)

    @routes.get("/v1/configurations", summary="What is approved and not configured yet, and why")
    async def unfinished(caller: Overseer, page: TimePage) -> Page[Unfinished]:
        """The longest waiting first; every one has a reason and an age."""
        found = await queries.unfinished(configurations, _agency_of(caller), page)
        waiting = {item.subject: item.waiting_for for item in await work.list(MOST_REASONS)}
        items = [_unfinished(one, waiting.get(one.request_id)) for one in found]
        return BY_TIME.page(items, page, key=lambda item: (item.approved_at, item.request_id))

    @routes.get("/v1/failures", summary="Configurations that failed and wait for a person")
    async def failures(caller: Overseer, page: TimePage) -> Page[Failure]:
        """The longest waiting first. Administrators see their own agency's, operators all.

        What is retried is in the list no more, until it fails again.
        """
        found = await queries.failed(configurations, _agency_of(caller), page)
        items = [failure(one) for one in found]
        return BY_TIME.page(items, page, key=lambda item: (item.approved_at, item.request_id))

    @routes.get(
        "/v1/entitlements/{account}",
        summary="What is in force for an account, with its evidence",
        responses=problems("not_found"),
    )
    async def entitlement(account: Id, caller: Reader) -> Entitlement:
        """Administrators for their own agency, applicants for themselves."""
        found = await entitlements.get(account.casefold())
        own = caller.subject.casefold() == account.casefold()
        if found is None or not (own or handlers.sees(caller, found.agency)):
            raise NothingInForce("Nothing was configured for such an account of your agency.")
        return found

    return routes


def _agency_of(caller: Principal) -> str | None:
    """The only agency whose requests the caller may list; None: all."""
    everything = caller.has("operator") or (caller.has("auditor") and not caller.agency)
    return None if everything else caller.agency


def task_routes(
    officers: OfficerCommands, execution: Execution[Any, Any], tasks: Tasks
) -> APIRouter:
    """The routes of the manual worklist: administrators and operators, each for their own agency."""
    routes = api_router(tags=["tasks"])

    @routes.get("/v1/tasks", summary="What officers must set by hand, due first at the top")
    async def listed(
        caller: TaskOfficer, page: TaskPage, status: TaskFilter | None = None
    ) -> Page[Task]:
        """`status=open`: to be done, claimed or not; `claimed`: somebody has it; `done`: completed."""
        found = await queries.tasks_of(tasks, caller.agency, status, page)
        return BY_DUE_TIME.page(found, page, key=lambda task: (task.due_at, task.task_id))

    @routes.get(
        "/v1/tasks/{task_id}",
        summary="One task, and once it is configured what is in force and how that was proven",
        responses=problems("not_found"),
    )
    async def task(task_id: Id, caller: TaskOfficer) -> TaskInFull:
        found = await officers.task_of(task_id, caller)
        return _in_full(found, await execution.state(handlers.stream_of(found.request_id)))

    @routes.post(
        "/v1/tasks/{task_id}/claim",
        summary="Take a task on",
        status_code=201,
        response_model=Claimed,
        responses=problems("forbidden", "not_found", "already_decided", "request_closed"),
    )
    async def claim(task_id: Id, context: TaskCommand) -> JsonResponse:
        """Nobody else can claim it then: 409 `already_decided`, with who did as `decision`.

        A colleague may take it over. 403: you approved the request, and your agency separates the two duties.
        """
        executed = await officers.claim(task_id, context)
        by, request_id = handlers.task_officer(context), executed.commit.subject
        return answer(executed, Claimed(task_id=task_id, request_id=request_id, claimed_by=by), 201)

    @routes.post(
        "/v1/tasks/{task_id}/takeover",
        summary="Do a task in the place of the colleague who claimed it",
        status_code=201,
        response_model=TakenOver,
        responses=problems(
            "forbidden", "not_found", "already_decided", "request_closed", "validation_failed"
        ),
    )
    async def take_over(task_id: Id, takeover: TakeOver, context: TaskCommand) -> JsonResponse:
        """Any officer who could have claimed it, at any time; who had it and why is kept.

        409 `already_decided`: somebody else has it than you named (`decision` shows who): of two
        colleagues who take a task over, one does. 403: as for a claim.
        """
        executed = await officers.take_over(task_id, takeover, context)
        commit = executed.commit
        # Without an event, the caller had the task before.
        former = commit.events[0].data["taken_over_from"] if commit.events else None
        body = TakenOver(
            task_id=task_id,
            request_id=commit.subject,
            claimed_by=handlers.task_officer(context),
            taken_over_from=former,
        )
        return answer(executed, body, 201)

    @routes.post(
        "/v1/tasks/{task_id}/completion",
        summary="State that it is done, with evidence",
        status_code=201,
        response_model=Completed,
        responses=problems(
            "forbidden", "not_found", "request_closed", "validation_failed", "document_unknown"
        ),
    )
    async def complete(task_id: Id, completion: Completion, context: TaskCommand) -> JsonResponse:
        """Your statement, with its documents, is what the configuration is proven by.

        Claiming first is not needed, and a colleague's claim is no obstacle.
        """
        executed = await officers.complete(task_id, completion, context)
        (event,) = executed.commit.events
        body = {**event.data, "request_id": executed.commit.subject}
        return answer(executed, Completed.model_validate(body), 201)

    return routes


def _in_full(task: Task, state: states.Known) -> TaskInFull:
    """The task; once its request is configured, also what is in force and the proof."""
    configured = state.said if isinstance(state, states.Configured) else None
    return TaskInFull(
        **dict(task),
        request_status=states.STATUS[type(state)],
        effective=configured.effective if configured else None,
        proof=configured.evidence if configured else (),
    )


def _unfinished(of: Configuration, reason: str | None) -> Unfinished:
    """An item of the list; the worker's last reason is more exact than the status."""
    document = of.model_dump(exclude={"account"})
    return Unfinished.model_validate({**document, "waiting_for": reason or of.waiting_for})


def failure(of: Configuration) -> Failure:
    """An item of the list of failures."""
    return Failure.model_validate({**of.model_dump(), "reason": of.waiting_for})
