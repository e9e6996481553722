"""Grants that the agency is asked to confirm: the administrator confirms them, or requests their termination."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Page
from bmt.contracts.http.provisioning import (
    AnswerConfirmations,
    Confirmation,
    ConfirmationResult,
    ConfirmationResults,
    ConfirmationStatus,
)
from bmt.contracts.problems import Refused
from web.clients import address
from web.console import desk
from web.console.desk import PageQuery, Paging
from web.forms import Form, SubmittedForm, new_key, refusal, validated
from web.ports import Administrator, Visit

router = APIRouter()

_CONFIRMATIONS: Final = address("confirmations")
Status = Annotated[ConfirmationStatus, Query()]


@router.get("/confirmations")
async def listed(
    visit: Administrator,
    paging: PageQuery,
    status: Status = "open",
    every: Annotated[Literal["1", ""], Query(alias="all")] = "",
) -> Response:
    """`all`: with every box of the page chosen, where nothing runs in the browser."""
    return await _list(visit, paging, status, choosing_all=bool(every))


async def _list(
    visit: Visit,
    paging: Paging,
    status: ConfirmationStatus,
    form: SubmittedForm | None = None,
    refused: Refused | None = None,
    results: tuple[ConfirmationResult, ...] = (),
    *,
    choosing_all: bool = False,
) -> Response:
    params = {"status": status, "limit": paging.limit, "cursor": paging.cursor}
    page = await visit.client.get("provisioning", _CONFIRMATIONS, Page[Confirmation], params)
    chosen = form.texts("chosen") if form and refused else ()
    return visit.page(
        "confirmations.html",
        found=page.items,
        more=page.next_cursor,
        shown=status,
        form=form,
        chosen={one.request_id for one in page.items} if choosing_all else set(chosen),
        key=form.key_after(refused) if form and refused else new_key(),
        refused=refused,
        results=results,
        tabs=await desk.tabs(visit.client),
        now=visit.here.clock(),
    )


@router.post("/confirmations")
async def answer(visit: Administrator, form: Form, paging: PageQuery) -> Response:
    """The page that follows shows the result of each."""
    fields = {
        "request_ids": form.texts("chosen"),
        "decision": form.text("do"),
        "reason": form.text("reason").strip(),
    }
    try:
        body = validated(AnswerConfirmations, fields).model_dump(mode="json")
        answered = await visit.client.post(
            "provisioning", _CONFIRMATIONS, body, ConfirmationResults, form.key
        )
    except (Refused, Unavailable) as error:
        # The command may have succeeded if the service was down: the form keeps its key.
        return await _list(visit, paging, "open", form, refusal(error))
    return await _list(visit, paging, "open", results=answered.results)


@router.get("/confirmations.csv")
async def exported(visit: Administrator, status: Status = "open") -> Response:
    path = address("confirmations", "report")
    return await visit.client.forward("provisioning", path, {"status": status})
