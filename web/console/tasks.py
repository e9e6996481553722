"""The pages of manual tasks: the list, and one task with the values to set."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.provisioning import (
    Claimed,
    Completed,
    Completion,
    ReportLine,
    ReportResults,
    TakenOver,
    Task,
    TaskFilter,
    TaskInFull,
)
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Document
from web.clients import VisitorClient, address
from web.console import desk, wording
from web.console.desk import Listing, PageQuery
from web.forms import SubmittedForm, field_faults, new_key, refusal, validated
from web.ports import Administrator, Visit
from web.uploads import Attached, attached, known_documents

EVIDENCE: Final = "evidence"
REPORT: Final = "report"

_LIST: Final = address("tasks")

router = APIRouter(prefix="/tasks")


@dataclass(frozen=True, slots=True)
class TaskListing(Listing):
    """The list's filters and order."""

    status: Annotated[TaskFilter, Query()] = "open"
    order: Annotated[Literal["due_at", "name", "kind"], Query()] = "due_at"


ListQuery = Annotated[TaskListing, Depends()]


@router.get("")
async def listed(visit: Administrator, listing: ListQuery, paging: PageQuery) -> Response:
    return await _list(visit, listing, paging)


async def _list(
    visit: Visit,
    listing: TaskListing,
    paging: PageQuery,
    *,
    refused: Refused | None = None,
    key: str = "",
    results: Sequence[ReportLine] = (),
) -> Response:
    """The list; after a report was uploaded, with its results."""
    params = {**listing.params(), **asdict(paging)}
    found, tabs = await asyncio.gather(
        visit.client.get("provisioning", _LIST, Page[Task], params), desk.tabs(visit.client)
    )
    return visit.page(
        "tasks.html",
        found=found.items,
        more=found.next_cursor,
        listing=listing,
        tabs=tabs,
        now=visit.here.clock(),
        key=key or new_key(),
        refused=refused,
        field_faults=field_faults(refused),
        results=results,
    )


@router.get(".csv")
async def exported(visit: Administrator, listing: ListQuery) -> Response:
    language = visit.language
    found = await desk.list_all(visit.client, "provisioning", _LIST, Page[Task], listing.params())
    rows = [
        (
            *(one.due_at, one.applicant_name, one.account, language.text(wording.KIND[one.kind])),
            *(one.claimed_by.name if one.claimed_by else None, one.completed_at, one.reference),
        )
        for one in found
    ]
    return desk.as_file("tasks", wording.EXPORTED["tasks"], rows, language)


@router.get("/bulk-changes.csv")
async def bulk_changes(visit: Administrator) -> Response:
    return await visit.client.forward("provisioning", address("tasks", "bulk-changes"))


@router.post("")
async def bulk_report(visit: Administrator, listing: ListQuery, paging: PageQuery) -> Response:
    form = await visit.form()
    try:
        results = await _upload_report(visit.client, form)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        key = form.key_after(refused)
        return await _list(visit, listing, paging, refused=refused, key=key)
    return await _list(visit, listing, paging, results=results)


async def _upload_report(client: VisitorClient, form: SubmittedForm) -> Sequence[ReportLine]:
    files = await attached(client, form, REPORT, most=1)
    files.require_all()
    faults = files.faults or ([] if files.ids else [FieldError.of(f"/{REPORT}", "choose_file")])
    if faults:
        raise Refused(errors=tuple(faults))
    body = {"document_id": files.ids[0]}
    where = address("tasks", "bulk-report")
    return (await client.post("provisioning", where, body, ReportResults, form.key)).results


@router.get("/{task_id}")
async def one(visit: Administrator, task_id: Id) -> Response:
    return task_page(visit, await _task(visit.client, task_id))


@router.post("/{task_id}")
async def act(visit: Administrator, task_id: Id) -> Response:
    form, files = await visit.form(), Attached()
    try:
        if act := _ACTS.get(form.text("do")):
            await act(visit.client, task_id, form)
        else:
            files = await attached(visit.client, form, EVIDENCE)
            files.require_all()
            await _complete(visit.client, task_id, form, files)
    except (Refused, Unavailable) as error:
        # If provisioning is still down, this call raises, and the form is lost.
        task, refused = await _task(visit.client, task_id), refusal(error)
        return task_page(visit, task, form, refused, known_documents(files.documents, refused))
    return visit.redirect(visit.request.url.path)


def task_page(
    visit: Visit,
    task: TaskInFull,
    form: SubmittedForm | None = None,
    refused: Refused | None = None,
    documents: Sequence[Document] = (),
) -> Response:
    """One task. The form keeps its key if the refused command may have succeeded."""
    return visit.page(
        "task.html",
        task=task,
        mine=task.claimed_by and task.claimed_by.subject == visit.visitor.subject,
        key=form.key_after(refused) if form and refused else new_key(),
        documents=documents,
        typed={name: form.text(name) if form else "" for name in ("note", "reason")},
        refused=refused,
        field_faults=field_faults(refused),
    )


async def _task(client: VisitorClient, task_id: str) -> TaskInFull:
    return await client.get("provisioning", address("tasks", task_id), TaskInFull)


async def _claim(client: VisitorClient, task_id: str, form: SubmittedForm) -> None:
    await client.post("provisioning", address("tasks", task_id, "claim"), {}, Claimed, form.key)


async def _take_over(client: VisitorClient, task_id: str, form: SubmittedForm) -> None:
    """Takes the task over from the colleague that the page named."""
    body = {"claimed_by": form.text("from"), "reason": form.text("reason").strip()}
    await client.post(
        "provisioning", address("tasks", task_id, "takeover"), body, TakenOver, form.key
    )


async def _complete(
    client: VisitorClient, task_id: str, form: SubmittedForm, files: Attached
) -> None:
    body: dict[str, object] = {"evidence": files.ids}
    if note := form.text("note").strip():
        body["note"] = note
    stated = validated(Completion, body, files.faults).model_dump(mode="json", exclude_none=True)
    await client.post(
        "provisioning", address("tasks", task_id, "completion"), stated, Completed, form.key
    )


_ACTS: Final[Mapping[str, Callable[[VisitorClient, str, SubmittedForm], Awaitable[None]]]] = {
    "claim": _claim,
    "take-over": _take_over,
}
"""The actions that need no evidence."""
