"""One request: its page, the decision, comments and documents.

A form posts to the address of its own page, so that address shows a page whatever the outcome. The decision and the
comment are one form of the browser: what is typed of the one is kept, as a draft, when the other is sent.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Id
from bmt.contracts.http.approval import CommentAnswer, CommentWritten, DecisionMade, Ruling
from bmt.contracts.problems import Refused
from web.clients import VisitorClient, address
from web.console.access import Administrator
from web.console.assigning import Act, assign
from web.console.deciding import Unusual, unusual
from web.console.forms import CommentForm, DecisionForm
from web.console.request_page import (
    Answer,
    document_address,
    draft_of,
    read,
    request_page,
    review_of,
)
from web.console.worklist import own_rules
from web.forms import KEEP, is_multipart, sent, validated
from web.language import ASKED, CODES
from web.my.drafts import Draft
from web.ports import Client, Here, Ports
from web.uploads import Attached, attached, known

router = APIRouter()

SURE: Final = "sure"
"""The button that repeats the sizes of an unusual approval."""
COMMENT_KEY: Final = "comment_key"

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
    request: Request, here: Here, request_id: Id, visitor: Administrator, client: Client
) -> Response:
    told = await (here.uploads.read(request, client) if is_multipart(request) else sent(request))
    form, text = DecisionForm.of(told), told.text("text")
    if keep := told.text(KEEP):
        await _keep(here, visitor, request_id, told.key, {**form.typed, "text": text})
        if keep in get_args(Act):
            try:
                await assign(client, "requests", request_id, keep)
            except Refused as refused:
                answer = Answer(refused=refused)
                return await request_page(here, request, request_id, visitor, client, answer)
        there = f"?{ASKED}={keep}" if keep in CODES else ""
        return RedirectResponse(request.url.path + there, _SEE_OTHER)
    answer = Answer(form, CommentForm(text=text))
    try:
        ruling = form.ruling()
        if asked := await _asks_once_more(here, client, request_id, ruling, told.text(SURE)):
            answer = replace(answer, unusual=asked)
            return await request_page(here, request, request_id, visitor, client, answer)
        body = ruling.model_dump(mode="json", exclude_none=True)
        path = address("requests", request_id, "decision")
        await client.post("approval", path, body, DecisionMade, told.key)
    except Refused as refused:
        answer = replace(answer, refused=refused)
    except Unavailable:
        # It may have succeeded: a retry must not be another decision.
        away = Refused(problem="unavailable")
        answer = replace(answer, form=replace(form, key=told.key), refused=away)
    else:
        await _keep(here, visitor, request_id, told.key, {"text": text})
        return RedirectResponse(f"{request.url.path}?decided=1", _SEE_OTHER)
    return await request_page(here, request, request_id, visitor, client, answer)


async def _asks_once_more(
    here: Ports, client: VisitorClient, request_id: str, ruling: Ruling, sure: str
) -> Unusual | None:
    """What is unusual in this approval, unless the visitor was asked about these very sizes."""
    if ruling.decision != "approve":
        return None
    review = await review_of(client, request_id)
    found = (
        unusual(ruling, review, await own_rules(client)) if review.status == "received" else None
    )
    return found if found and found.sure != sure else None


async def _keep(
    here: Ports, visitor: Principal, request_id: str, key: str, typed: Mapping[str, str]
) -> None:
    """Keeps what was typed as the visitor's draft; there is none if nothing was."""
    name = draft_of(request_id)
    if not any(text.strip() for text in typed.values()):
        await here.drafts.discard(visitor.subject, name)
        return
    draft = Draft(key=key, typed=typed, documents=(), saved_at=here.clock())
    await here.drafts.save(visitor.subject, name, draft)


@router.get("/requests/{request_id}/comments")
async def comments(request: Request, _: Administrator) -> Response:
    """They stand on the request's page."""
    return _to_comments(request)


@router.post("/requests/{request_id}/comments")
async def comment(
    request: Request, here: Here, request_id: Id, visitor: Administrator, client: Client
) -> Response:
    told, came = await here.uploads.read(request, client), Attached()
    text = told.text("text").replace("\r\n", "\n")
    form = DecisionForm.of(told)
    # On the page of an open request the decision has the form's key.
    keyed = replace(told, key=told.text(COMMENT_KEY) or told.key)
    path = address("requests", request_id, "comments")
    try:
        came = await attached(client, keyed, _FILES)
        came.require_all()
        written = validated(CommentWritten, {"text": text, "documents": came.ids}, came.faults)
        body = written.model_dump(mode="json")
        await client.post("approval", path, body, CommentAnswer, keyed.key)
    except Refused as refused:
        documents = known(came.documents, refused)
        remark = CommentForm(text=text, documents=documents, refused=refused)
    except Unavailable:
        # It may have succeeded: a retry must not add it twice.
        away = Refused(problem="unavailable")
        remark = CommentForm(keyed.key, text, came.documents, away)
    else:
        if told.text(COMMENT_KEY):
            await _keep(here, visitor, request_id, told.key, form.typed)
        return _to_comments(request)
    answer = Answer(form if told.text(COMMENT_KEY) else None, remark)
    return await request_page(here, request, request_id, visitor, client, answer)


@router.get("/requests/{request_id}/documents/{document_id}")
@router.get("/requests/{request_id}/comments/documents/{document_id}")
async def document(request_id: Id, document_id: Id, _: Administrator, client: Client) -> Response:
    return await client.passed_on("approval", document_address(request_id, document_id))


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


def _to_comments(request: Request) -> RedirectResponse:
    page = request.url.path.partition("/comments")[0]
    return RedirectResponse(f"{page}#comments", _SEE_OTHER)
