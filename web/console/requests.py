"""One request: all that its decider needs, the decision, comments and documents.

A form posts to the address of its own page, so that address shows a page whatever the outcome.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.http.approval import DecisionMade, RequestUnderReview
from bmt.contracts.http.comments import CommentAnswer, CommentWritten
from bmt.contracts.http.provisioning import Plan
from bmt.contracts.problems import STATUS, Refused
from bmt.contracts.values import Status
from web.clients import Address, Received, VisitorClient, address
from web.console.access import Administrator
from web.console.forms import CommentForm, DecisionForm, Form
from web.console.worklist import own_rules
from web.forms import all_told, faults_of, validated
from web.login import SignInFirst
from web.ports import Client, Here, Ports
from web.sizes import in_gigabytes
from web.uploads import Attached, attached, known, with_files

router = APIRouter()

PLAN_SECONDS: Final = 4.0
"""The longest a page waits for the preview."""
MAY_CORRECT: Final[tuple[Status, ...]] = ("received", "returned")
"""The statuses that allow a correction."""

_FILES: Final = "attached"
_SEE_OTHER: Final = 303

PageNumber = Annotated[int, Path(ge=1, le=10_000)]


@router.get("/requests/{request_id}")
async def one(
    request: Request, here: Here, request_id: Id, visitor: Administrator, client: Client
) -> Response:
    return await request_page(here, request, request_id, visitor, client)


@router.post("/requests/{request_id}")
async def decide(
    request: Request,
    here: Here,
    request_id: Id,
    visitor: Administrator,
    client: Client,
    told: Form,
) -> Response:
    form = DecisionForm.of(told)
    path = address("requests", request_id, "decision")
    try:
        body = form.ruling().model_dump(mode="json", exclude_none=True)
        await client.post("approval", path, body, DecisionMade, told.key)
    except Refused as error:
        refused = error
    except Unavailable:
        # It may have succeeded: a retry must not be another decision.
        form, refused = replace(form, key=told.key), Refused(problem="unavailable")
    else:
        return RedirectResponse(request.url.path, _SEE_OTHER)
    return await request_page(here, request, request_id, visitor, client, form, refused)


@router.get("/requests/{request_id}/comments")
async def comments(request: Request, _: Administrator) -> Response:
    """They stand on the request's page."""
    return _to_comments(request)


@router.post("/requests/{request_id}/comments")
async def comment(
    request: Request, here: Here, request_id: Id, visitor: Administrator, client: Client
) -> Response:
    told, came = await with_files(request), Attached()
    text = told.text("text").replace("\r\n", "\n")
    path = address("requests", request_id, "comments")
    try:
        came = await attached(client, told, _FILES)
        came.require_all()
        written = validated(CommentWritten, {"text": text, "documents": came.ids}, came.faults)
        body = written.model_dump(mode="json")
        await client.post("approval", path, body, CommentAnswer, told.key)
    except Refused as refused:
        documents = known(came.documents, refused)
        remark = CommentForm(text=text, documents=documents, refused=refused)
    except Unavailable:
        # It may have succeeded: a retry must not add it twice.
        away = Refused(problem="unavailable")
        remark = CommentForm(told.key, text, came.documents, away)
    else:
        return _to_comments(request)
    return await request_page(here, request, request_id, visitor, client, remark=remark)


@router.get("/requests/{request_id}/documents/{document_id}")
@router.get("/requests/{request_id}/comments/documents/{document_id}")
async def document(request_id: Id, document_id: Id, _: Administrator, client: Client) -> Response:
    return await client.passed_on("approval", _of_document(request_id, document_id))


@router.get("/requests/{request_id}/documents/{document_id}/pages/{number}")
async def page(
    here: Here,
    request_id: Id,
    document_id: Id,
    number: PageNumber,
    _: Administrator,
    client: Client,
) -> Response:
    return await here.pictures.page(document_id, number, partial(read, client, request_id))


async def review_of(client: VisitorClient, request_id: str) -> RequestUnderReview:
    """A request of the visitor's agency. Raises `Refused` (`not_found`) if there is none."""
    return await client.get("approval", address("requests", request_id), RequestUnderReview)


async def read(client: VisitorClient, request_id: str, document_id: str) -> Received:
    """A document of a request, whole."""
    return await client.read("approval", _of_document(request_id, document_id))


async def request_page(
    here: Ports,
    request: Request,
    request_id: str,
    visitor: Principal,
    client: VisitorClient,
    form: DecisionForm | None = None,
    refused: Refused | None = None,
    remark: CommentForm | None = None,
) -> Response:
    """One request, with the form of a decision while it is open.

    Raises:
        Refused: as `review_of`.
    """
    review, rules = await asyncio.gather(review_of(client, request_id), own_rules(client))
    preview, shown = await asyncio.gather(
        _preview(client, review),
        here.pictures.shown(review.documents, partial(read, client, request_id)),
    )
    remark = remark or CommentForm()
    return here.layout.page(
        request,
        "request.html",
        STATUS[remark.refused.problem] if remark.refused and not refused else None,
        review=review,
        remark=remark,
        may_correct=review.status in MAY_CORRECT,
        corrected=request.query_params.get("corrected") == "1",
        rules=rules,
        **preview,
        shown=shown,
        agency=here.agencies.name_of(review.agency),
        form=form or DecisionForm(),
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused),
        own=review.applicant.account.casefold() == visitor.subject.casefold(),
        asked=_sizes(review),
        now=here.clock(),
    )


async def _preview(client: VisitorClient, review: RequestUnderReview) -> Mapping[str, object]:
    """The plan for what would be granted; None: it cannot be had now."""
    if review.status != "received":
        return {"weighed": False}
    asked = review.endorsements[-1].approved.model_dump() if review.endorsements else {}
    path = address("requests", review.request_id, "plan")
    try:
        async with asyncio.timeout(PLAN_SECONDS):
            plan = await client.get("provisioning", path, Plan, asked)
    except (Refused, Unavailable, SignInFirst, TimeoutError):
        return {"weighed": True, "plan": None}
    return {"weighed": True, "plan": plan}


def _sizes(review: RequestUnderReview) -> Mapping[str, str]:
    """The sizes that are granted unless the administrator types others."""
    last = review.endorsements[-1].approved if review.endorsements else review
    return {
        "quota_bytes": in_gigabytes(last.quota_bytes),
        "max_file_size_bytes": in_gigabytes(last.max_file_size_bytes),
    }


def _of_document(request_id: str, document_id: str) -> Address:
    return address("requests", request_id, "documents", document_id)


def _to_comments(request: Request) -> RedirectResponse:
    page = request.url.path.partition("/comments")[0]
    return RedirectResponse(f"{page}#comments", _SEE_OTHER)
