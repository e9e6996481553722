"""The manual tasks' pages: what waits, and one task to be followed value by value."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.address import Id
from bmt.chassis.pagination import Page
from bmt.contracts.http.provisioning import (
    Claimed,
    Completed,
    TakenOver,
    Task,
    TaskFilter,
    TaskInFull,
)
from bmt.contracts.problems import STATUS, Refused
from bmt.pages import session
from bmt.pages.forms import FORM_BYTES, Sent, new_key, read
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.approval.console import wording
from services.approval.console.neighbours import Errand, Neighbours, address
from services.approval.console.uploads import handed_in

MOST_FILES: Final = 5
EVIDENCE: Final = "evidence"

_SEE_OTHER: Final = 303
_OK: Final = 200
MOST_BYTES: Final = FORM_BYTES + 25 * 1024 * 1024
"""The largest form, with its files."""


class _Tasks(Page[Task]):
    """A page of the manual worklist."""


class TaskDesk:
    """Lays out the manual worklist."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def listed(self, request: Request, found: Page[Task], status: TaskFilter) -> Response:
        """What waits to be set by hand, or was."""
        return self._layout.page(
            request,
            "tasks.html",
            found=found.items,
            more=found.next_cursor,
            chosen=status,
            wording=wording,
        )

    def one(
        self,
        request: Request,
        task: TaskInFull,
        told: Sent | None = None,
        refused: Refused | None = None,
    ) -> Response:
        """A task with its values one by one, and the statement that it is done."""
        visitor = session.visitor(request)
        return self._layout.page(
            request,
            "task.html",
            STATUS[refused.problem] if refused else _OK,
            task=task,
            mine=task.claimed_by and visitor and task.claimed_by.subject == visitor.subject,
            key=new_key(),
            typed={name: told.text(name) if told else "" for name in ("note", "reason")},
            refused=refused,
            faults=refused.errors if refused else (),
            wording=wording,
        )


def routes(layout: Layout, neighbours: Neighbours, admitted: Admitted) -> APIRouter:
    """The pages below `/tasks`."""
    routes = APIRouter(prefix="/tasks", dependencies=[Depends(admitted)])
    desk = TaskDesk(layout)

    @routes.get("")
    async def listed(
        request: Request,
        status: TaskFilter = "open",
        cursor: Annotated[str | None, Query(max_length=1000)] = None,
    ) -> Response:
        asked = {"status": status, "cursor": cursor}
        found = await neighbours.errand(request).get(
            "provisioning", address("tasks"), _Tasks, asked
        )
        return desk.listed(request, found, status)

    @routes.get("/{task_id}")
    async def one(request: Request, task_id: Id) -> Response:
        return desk.one(request, await _task(neighbours.errand(request), task_id))

    @routes.post("/{task_id}")
    async def act(request: Request, task_id: Id) -> Response:
        told = await read(request, MOST_BYTES, MOST_FILES)
        errand = neighbours.errand(request)
        try:
            await _ACTS.get(told.text("do"), _complete)(errand, task_id, told)
        except Refused as refused:
            return desk.one(request, await _task(errand, task_id), told, refused)
        return RedirectResponse(request.url.path, _SEE_OTHER)

    return routes


async def _task(errand: Errand, task_id: str) -> TaskInFull:
    return await errand.get("provisioning", address("tasks", task_id), TaskInFull)


async def _claim(errand: Errand, task_id: str, told: Sent) -> None:
    await errand.post("provisioning", address("tasks", task_id, "claim"), {}, Claimed, told.key)


async def _take_over(errand: Errand, task_id: str, told: Sent) -> None:
    """In the place of the colleague whom the page named."""
    body = {"claimed_by": told.text("from"), "reason": told.text("reason").strip()}
    await errand.post(
        "provisioning", address("tasks", task_id, "takeover"), body, TakenOver, told.key
    )


async def _complete(errand: Errand, task_id: str, told: Sent) -> None:
    """Hand the evidence in, then state that it is done."""
    body: dict[str, object] = {"evidence": await handed_in(errand, told, EVIDENCE)}
    if note := told.text("note").strip():
        body["note"] = note
    await errand.post(
        "provisioning", address("tasks", task_id, "completion"), body, Completed, told.key
    )


_ACTS: Final[Mapping[str, Callable[[Errand, str, Sent], Awaitable[None]]]] = {
    "claim": _claim,
    "take-over": _take_over,
    "complete": _complete,
}
