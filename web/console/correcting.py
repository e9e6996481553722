"""The page that corrects a request. Intake records the correction."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id
from bmt.contracts.http.approval import RequestUnderReview
from bmt.contracts.http.intake import RequestAccepted
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from web.clients import VisitorClient, address
from web.console.access import Administrator
from web.console.forms import RegistrationForm, faults_of, field_of
from web.console.request_page import MAY_CORRECT, Answer, read, request_page, review_of
from web.forms import all_told
from web.ports import Client, Here, Ports
from web.uploads import MOST, Attached, attached, known

router = APIRouter()

_FILES: Final = "attached"
_SEE_OTHER: Final = 303


@router.get("/requests/{request_id}/correction")
async def before(
    request: Request, here: Here, request_id: Id, visitor: Administrator, client: Client
) -> Response:
    review = await review_of(client, request_id)
    if review.status not in MAY_CORRECT:
        refused = Refused(problem="already_decided" if review.decision else "request_closed")
        return await request_page(
            here, request, request_id, visitor, client, Answer(refused=refused)
        )
    form = RegistrationForm.of_review(review)
    return await _page(here, request, client, review, form, review.documents)


@router.post("/requests/{request_id}/correction")
async def correct(
    request: Request, here: Here, request_id: Id, _: Administrator, client: Client
) -> Response:
    review = await review_of(client, request_id)
    told, came = await here.uploads.read(request, client), Attached()
    form = RegistrationForm.of(told)
    try:
        most = len(review.documents) + MOST
        came = await attached(client, told, _FILES, most=most)
        came.require_all()
        body = form.correction(review, came.ids, came.faults)
        await client.post(
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
    return await _page(here, request, client, review, form, known(came.documents, refused), refused)


async def _page(
    here: Ports,
    request: Request,
    client: VisitorClient,
    review: RequestUnderReview,
    form: RegistrationForm,
    documents: Sequence[Document],
    refused: Refused | None = None,
) -> Response:
    agency = review.agency
    return here.layout.page(
        request,
        "correction.html",
        review=review,
        shown=await here.pictures.shown(review.documents, partial(read, client, review.request_id)),
        rules=here.agencies.get(agency).rules if agency in here.agencies else None,
        form=form,
        documents=documents,
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused, field_of),
    )


def _of_the_request(request: Request) -> str:
    return request.url.path.rpartition("/correction")[0]
