"""The pages of manual tasks: the list, and one task with the values to set."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id, Page
from bmt.contracts.http.provisioning import (
    Claimed,
    Completed,
    Completion,
    TakenOver,
    Task,
    TaskFilter,
    TaskInFull,
)
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.console.uploads import Uploaded, taken_in, with_files
from web import session
from web.clients import VisitorClient, address
from web.forms import Sent, all_told, new_key, validated

EVIDENCE: Final = "evidence"

_SEE_OTHER: Final = 303


class _Tasks(Page[Task]):
    """A page of tasks."""


def task_page(
    desk: Desk,
    request: Request,
    task: TaskInFull,
    told: Sent | None = None,
    refused: Refused | None = None,
    documents: Sequence[Document] = (),
) -> Response:
    """One task. The form keeps its key if the refused command may have succeeded."""
    visitor = session.visitor(request)
    is_away = refused is not None and refused.problem == "unavailable"
    return desk.layout.page(
        request,
        "task.html",
        task=task,
        mine=task.claimed_by and visitor and task.claimed_by.subject == visitor.subject,
        key=told.key if told and is_away else new_key(),
        documents=documents,
        typed={name: told.text(name) if told else "" for name in ("note", "reason")},
        refused=refused,
        told=all_told(refused),
        wording=wording,
    )


def routes(desk: Desk) -> APIRouter:
    """The pages below `/tasks`."""
    routes = APIRouter(prefix="/tasks", dependencies=[Depends(desk.admitted)])

    @routes.get("")
    async def listed(
        request: Request,
        status: TaskFilter = "open",
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        asked = {"status": status, "cursor": cursor}
        found = await desk.client(request).get("provisioning", address("tasks"), _Tasks, asked)
        return desk.listed(request, "tasks.html", found, status)

    @routes.get("/{task_id}")
    async def one(request: Request, task_id: Id) -> Response:
        return task_page(desk, request, await _task(desk.client(request), task_id))

    @routes.post("/{task_id}")
    async def act(
        request: Request, task_id: Id, visitor: Annotated[Principal, Depends(desk.admitted)]
    ) -> Response:
        told, came = await with_files(request), Uploaded()
        visitor_client = desk.client(request)
        try:
            if act := _ACTS.get(told.text("do")):
                await act(visitor_client, task_id, told)
            else:
                came = await taken_in(visitor_client, desk.rights, told, EVIDENCE, visitor)
                await _complete(visitor_client, task_id, told, came)
        except Refused as refused:
            task = await _task(visitor_client, task_id)
            return task_page(desk, request, task, told, refused, came.documents)
        except Unavailable:
            # Provisioning may still be down: then the page says so, and the form is lost.
            task = await _task(visitor_client, task_id)
            return task_page(
                desk, request, task, told, Refused(problem="unavailable"), came.documents
            )
        return RedirectResponse(request.url.path, _SEE_OTHER)

    return routes


async def _task(visitor_client: VisitorClient, task_id: str) -> TaskInFull:
    return await visitor_client.get("provisioning", address("tasks", task_id), TaskInFull)


async def _claim(visitor_client: VisitorClient, task_id: str, told: Sent) -> None:
    await visitor_client.post(
        "provisioning", address("tasks", task_id, "claim"), {}, Claimed, told.key
    )


async def _take_over(visitor_client: VisitorClient, task_id: str, told: Sent) -> None:
    """Takes the task over from the colleague that the page named."""
    body = {"claimed_by": told.text("from"), "reason": told.text("reason").strip()}
    await visitor_client.post(
        "provisioning", address("tasks", task_id, "takeover"), body, TakenOver, told.key
    )


async def _complete(
    visitor_client: VisitorClient, task_id: str, told: Sent, came: Uploaded
) -> None:
    body: dict[str, object] = {"evidence": came.ids}
    if note := told.text("note").strip():
        body["note"] = note
    stated = validated(Completion, body, came.faults).model_dump(mode="json", exclude_none=True)
    await visitor_client.post(
        "provisioning", address("tasks", task_id, "completion"), stated, Completed, told.key
    )


_ACTS: Final[Mapping[str, Callable[[VisitorClient, str, Sent], Awaitable[None]]]] = {
    "claim": _claim,
    "take-over": _take_over,
}
"""What needs no evidence."""
