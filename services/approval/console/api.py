"""The console's own pages. Each decision is the same command as the API's.

A form posts to the address of its own page, so that address shows a page whatever the outcome.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import CausationReused
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.problems import FieldError, Refused
from services.approval import bulk, handlers
from services.approval.api import WorklistPage
from services.approval.console.desk import Desk, Filter
from services.approval.console.documents import file_of, named, picture_of
from services.approval.console.forms import DecisionForm
from web.forms import FormWrong, Sent, refusal, sent

PREFIX: Final = "/console"
_SEE_OTHER: Final = 303

_NONE_CHOSEN: Final = FieldError.of("/chosen", "choose_requests")

Form = Annotated[Sent, Depends(sent)]
PageNumber = Annotated[int, Path(ge=1, le=10_000)]


def routes(desk: Desk) -> APIRouter:
    """The worklist, a request, its documents and the decisions."""
    routes = APIRouter()
    caller = Depends(desk.admitted)
    ports = desk.execution, desk.agencies, desk.clock

    @routes.get("/")
    async def worklist(
        request: Request, visitor: Annotated[Principal, caller], page: WorklistPage, only: Filter
    ) -> Response:
        return await desk.worklist(request, visitor, page, only, DecisionForm())

    @routes.get("/requests/{request_id}")
    async def one(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        return await desk.one(request, request_id, visitor, DecisionForm())

    @routes.post("/requests/{request_id}")
    async def decide(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller], told: Form
    ) -> Response:
        form, context = DecisionForm.of(told), told.context(visitor)
        try:
            await handlers.decide(request_id, form.ruling(), context, *ports)
        except (Refused, CausationReused) as error:
            return await desk.one(request, request_id, visitor, form, refusal(error))
        return RedirectResponse(f"{PREFIX}/requests/{request_id}", _SEE_OTHER)

    @routes.post("/")
    async def decide_all(
        request: Request,
        visitor: Annotated[Principal, caller],
        page: WorklistPage,
        only: Filter,
        told: Form,
    ) -> Response:
        form, chosen = DecisionForm.of(told), told.texts("chosen")
        try:
            if not chosen:
                raise FormWrong(errors=(_NONE_CHOSEN,))
            rulings, context = form.rulings(chosen), told.context(visitor)
            answered = await bulk.decide_all(rulings, context, *ports)
        except (Refused, CausationReused) as error:
            return await desk.worklist(request, visitor, page, only, form, refusal(error))
        return await desk.decided(request, answered.body.results)

    @routes.get("/requests/{request_id}/documents/{document_id}")
    async def document(
        request_id: Id,
        document_id: Annotated[str, Path(max_length=128)],
        visitor: Annotated[Principal, caller],
    ) -> Response:
        review = await desk.review_of(request_id, visitor)
        return await file_of(named(review.documents, document_id), desk.documents)

    @routes.get("/requests/{request_id}/documents/{document_id}/pages/{number}")
    async def page(
        request_id: Id, document_id: Id, number: PageNumber, visitor: Annotated[Principal, caller]
    ) -> Response:
        review = await desk.review_of(request_id, visitor)
        return await picture_of(named(review.documents, document_id), number, desk.originals)

    return routes
