"""Comments in the console: the form on a request's page and the files attached to it."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.http.comments import CommentWritten
from bmt.contracts.problems import Refused
from services.approval.comments import comment
from services.approval.console.desk import Desk
from services.approval.console.documents import file_of, named
from services.approval.console.forms import CommentForm, DecisionForm
from services.approval.console.uploads import Uploaded, taken_in, with_files
from services.approval.views import as_seen_by
from web.forms import refusal, validated

_FILES: Final = "attached"
_SEE_OTHER: Final = 303


def routes(desk: Desk) -> APIRouter:
    """The pages below `/requests/{request_id}/comments`."""
    routes = APIRouter(prefix="/requests/{request_id}/comments")
    caller = Depends(desk.admitted)

    @routes.get("")
    async def stand_on_the_requests_page(
        request: Request, request_id: Id, _: Annotated[Principal, caller]
    ) -> Response:
        return _to_the_request(request)

    @routes.post("")
    async def add(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        told, came = await with_files(request), Uploaded()
        text = told.text("text").replace("\r\n", "\n")
        try:
            if "intake" in desk.clients:
                visitor_client = desk.client(request)
                came = await taken_in(visitor_client, desk.rights, told, _FILES, visitor)
            body = {"text": text, "documents": tuple(came.ids)}
            written = validated(CommentWritten, body, came.faults)
            context = told.context(visitor)
            await comment(request_id, written, context, desk.execution, desk.rights, desk.clock)
        except (Refused, CausationReused) as error:
            remark = CommentForm(text=text, documents=came.documents, refused=refusal(error))
        except Unavailable:
            # It may have succeeded: a retry must not add it twice.
            away = Refused(problem="unavailable")
            remark = CommentForm(told.key, text, came.documents, away)
        else:
            return _to_the_request(request)
        return await desk.one(request, request_id, visitor, DecisionForm(), remark=remark)

    @routes.get("/documents/{document_id}")
    async def document(
        request_id: Id,
        document_id: Annotated[str, Path(max_length=128)],
        visitor: Annotated[Principal, caller],
    ) -> Response:
        review = as_seen_by(await desk.review_of(request_id, visitor), visitor)
        attached = [one for each in review.comments for one in each.documents]
        return await file_of(named(attached, document_id), desk.documents)

    return routes


def _to_the_request(request: Request) -> RedirectResponse:
    page = request.url.path.partition("/comments")[0]
    return RedirectResponse(f"{page}#comments", _SEE_OTHER)
