"""The page that corrects a request. Intake records the correction."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.http.approval import RequestUnderReview
from bmt.contracts.http.intake import RequestAccepted
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.console.forms import DecisionForm, RegistrationForm, faults_of, field_of
from services.approval.console.uploads import MOST, Uploaded, taken_in, with_files
from services.approval.views import MAY_CORRECT
from web.clients import address
from web.forms import all_told

_FILES: Final = "attached"
_SEE_OTHER: Final = 303


def routes(desk: Desk) -> APIRouter:
    """The page below `/requests/{request_id}/correction`."""
    routes = APIRouter(prefix="/requests/{request_id}/correction")
    caller = Depends(desk.admitted)

    async def page(
        request: Request,
        review: RequestUnderReview,
        form: RegistrationForm,
        documents: Sequence[Document],
        refused: Refused | None = None,
    ) -> Response:
        return desk.layout.page(
            request,
            "correction.html",
            review=review,
            shown=await desk.originals.shown(review.documents),
            rules=desk.agencies.get(review.agency).rules
            if review.agency in desk.agencies
            else None,
            form=form,
            documents=documents,
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused, field_of),
            wording=wording,
        )

    @routes.get("")
    async def before(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        review = await desk.review_of(request_id, visitor)
        if review.status not in MAY_CORRECT:
            problem = "already_decided" if review.decision else "request_closed"
            refused = Refused(problem=problem)
            return await desk.one(request, request_id, visitor, DecisionForm(), refused)
        return await page(request, review, RegistrationForm.of_review(review), review.documents)

    @routes.post("")
    async def correct(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        review = await desk.review_of(request_id, visitor)
        told, came = await with_files(request), Uploaded()
        form, visitor_client = RegistrationForm.of(told), desk.client(request)
        try:
            most = len(review.documents) + MOST
            came = await taken_in(visitor_client, desk.rights, told, _FILES, visitor, most)
            body = form.correction(review, came.ids, came.faults)
            await visitor_client.post(
                "intake",
                address("requests", request_id, "correction"),
                body.model_dump(mode="json", exclude_none=True),
                RequestAccepted,
                told.key,
            )
        except Refused as error:
            refused = error
        except Unavailable:
            # It may have succeeded: a retry must not create it twice.
            form, refused = replace(form, key=told.key), Refused(problem="unavailable")
        else:
            return RedirectResponse(f"{_of_the_request(request)}?corrected=1", _SEE_OTHER)
        return await page(request, review, form, came.documents, refused)

    return routes


def _of_the_request(request: Request) -> str:
    return request.url.path.rpartition("/correction")[0]
