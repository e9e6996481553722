"""One request: its page, the decision, comments, documents and the correction.

A form posts to the address of its own page, so that address shows a page whatever the outcome. The decision and the
comment are one form of the browser: when one of them is submitted, the other is saved as a draft.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Path
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id
from bmt.contracts.http.approval import (
    CommentAnswer,
    CommentWritten,
    DecisionMade,
    RequestUnderReview,
    Ruling,
)
from bmt.contracts.http.intake import RequestAccepted
from bmt.contracts.problems import Refused
from bmt.contracts.values import Document
from web.clients import address
from web.console.deciding import Unusual, own_rules, unusual
from web.console.desk import Act, assign
from web.console.forms import CommentForm, DecisionForm, RegistrationForm, faults_of, field_of
from web.console.request_page import (
    MAY_CORRECT,
    Answer,
    document_address,
    draft_of,
    read,
    request_page,
    review_of,
)
from web.forms import KEEP, field_faults, is_multipart, read_form, refusal, validated
from web.layout import CODES, LANG
from web.my.drafts import Draft
from web.ports import Administrator, Visit
from web.uploads import MOST, Attached, attached, known_documents

router = APIRouter()

SURE: Final = "sure"
"""The button that confirms the sizes of an unusual approval."""
COMMENT_KEY: Final = "comment_key"

_FILES: Final = "attached"

PageNumber = Annotated[int, Path(ge=1, le=10_000)]


@router.get("/requests/{request_id}")
async def one(visit: Administrator, request_id: Id) -> Response:
    return await request_page(visit, request_id)


@router.post("/requests/{request_id}")
async def decide(visit: Administrator, request_id: Id) -> Response:
    submitted = await (visit.form() if is_multipart(visit.request) else read_form(visit.request))
    form, text = DecisionForm.of(submitted), submitted.text("text")
    if keep := submitted.text(KEEP):
        await _keep(visit, request_id, submitted.key, {**form.typed, "text": text})
        if keep in get_args(Act):
            try:
                await assign(visit.client, "requests", request_id, keep)
            except Refused as error:
                answer = Answer(refused=error)
                return await request_page(visit, request_id, answer)
        there = f"?{LANG}={keep}" if keep in CODES else ""
        return visit.redirect(visit.request.url.path + there)
    answer = Answer(form, CommentForm(text=text))
    try:
        ruling = form.ruling()
        if found := await _asks_once_more(visit, request_id, ruling, submitted.text(SURE)):
            answer = replace(answer, unusual=found)
            return await request_page(visit, request_id, answer)
        body = ruling.model_dump(mode="json", exclude_none=True)
        path = address("requests", request_id, "decision")
        await visit.client.post("approval", path, body, DecisionMade, submitted.key)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        form = replace(form, key=submitted.key_after(refused))
        answer = replace(answer, form=form, refused=refused)
    else:
        await _keep(visit, request_id, submitted.key, {"text": text})
        return visit.redirect(f"{visit.request.url.path}?decided=1")
    return await request_page(visit, request_id, answer)


async def _asks_once_more(
    visit: Visit, request_id: str, ruling: Ruling, sure: str
) -> Unusual | None:
    """What is unusual in this approval, unless the visitor has confirmed these very sizes."""
    if ruling.decision != "approve":
        return None
    review = await review_of(visit.client, request_id)
    found = (
        unusual(ruling, review, await own_rules(visit.client))
        if review.status == "received"
        else None
    )
    return found if found and found.sure != sure else None


async def _keep(visit: Visit, request_id: str, key: str, typed: Mapping[str, str]) -> None:
    """Saves what was typed as the visitor's draft; discards the draft if nothing was typed."""
    name = draft_of(request_id)
    if not any(text.strip() for text in typed.values()):
        await visit.here.drafts.discard(visit.visitor.subject, name)
        return
    draft = Draft(key=key, typed=typed, documents=(), saved_at=visit.here.clock())
    await visit.here.drafts.save(visit.visitor.subject, name, draft)


@router.get("/requests/{request_id}/comments")
async def comments(visit: Administrator) -> Response:
    """The comments are part of the request's page."""
    return _to_comments(visit)


@router.post("/requests/{request_id}/comments")
async def comment(visit: Administrator, request_id: Id) -> Response:
    submitted, files = await visit.form(), Attached()
    text = submitted.text("text").replace("\r\n", "\n")
    form = DecisionForm.of(submitted)
    # On the page of an open request the decision has the form's key.
    keyed = replace(submitted, key=submitted.text(COMMENT_KEY) or submitted.key)
    path = address("requests", request_id, "comments")
    try:
        files = await attached(visit.client, keyed, _FILES)
        files.require_all()
        written = validated(CommentWritten, {"text": text, "documents": files.ids}, files.faults)
        body = written.model_dump(mode="json")
        await visit.client.post("approval", path, body, CommentAnswer, keyed.key)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        documents = known_documents(files.documents, refused)
        comment = CommentForm(keyed.key_after(refused), text, documents, refused)
    else:
        if submitted.text(COMMENT_KEY):
            await _keep(visit, request_id, submitted.key, form.typed)
        return _to_comments(visit)
    answer = Answer(form if submitted.text(COMMENT_KEY) else None, comment)
    return await request_page(visit, request_id, answer)


@router.get("/requests/{request_id}/documents/{document_id}")
@router.get("/requests/{request_id}/comments/documents/{document_id}")
async def document(visit: Administrator, request_id: Id, document_id: Id) -> Response:
    return await visit.client.forward("approval", document_address(request_id, document_id))


@router.get("/requests/{request_id}/documents/{document_id}/pages/{number}")
async def page(
    visit: Administrator, request_id: Id, document_id: Id, number: PageNumber
) -> Response:
    return await visit.here.pictures.page(
        document_id, number, partial(read, visit.client, request_id)
    )


def _to_comments(visit: Visit) -> Response:
    page = visit.request.url.path.partition("/comments")[0]
    return visit.redirect(f"{page}#comments")


@router.get("/requests/{request_id}/correction")
async def before(visit: Administrator, request_id: Id) -> Response:
    review = await review_of(visit.client, request_id)
    if review.status not in MAY_CORRECT:
        refused = Refused(problem="already_decided" if review.decision else "request_closed")
        return await request_page(visit, request_id, Answer(refused=refused))
    form = RegistrationForm.of_review(review)
    return await _page(visit, review, form, review.documents)


@router.post("/requests/{request_id}/correction")
async def correct(visit: Administrator, request_id: Id) -> Response:
    review = await review_of(visit.client, request_id)
    submitted, files = await visit.form(), Attached()
    form = RegistrationForm.of(submitted)
    try:
        most = len(review.documents) + MOST
        files = await attached(visit.client, submitted, _FILES, most=most)
        files.require_all()
        body = form.correction(review, files.ids, files.faults)
        await visit.client.post(
            "intake",
            address("requests", request_id, "correction"),
            body.model_dump(mode="json", exclude_none=True),
            RequestAccepted,
            submitted.key,
        )
    except (Refused, Unavailable) as error:
        refused = refusal(error)
    else:
        return visit.redirect(f"{visit.request.url.path.rpartition('/')[0]}?corrected=1")
    form = replace(form, key=submitted.key_after(refused))
    return await _page(visit, review, form, known_documents(files.documents, refused), refused)


async def _page(
    visit: Visit,
    review: RequestUnderReview,
    form: RegistrationForm,
    documents: Sequence[Document],
    refused: Refused | None = None,
) -> Response:
    agency = review.agency
    return visit.page(
        "correction.html",
        review=review,
        shown=await visit.here.pictures.shown(
            review.documents, partial(read, visit.client, review.request_id)
        ),
        rules=visit.here.rules_of(agency),
        form=form,
        documents=documents,
        refused=refused,
        faults=faults_of(refused),
        field_faults=field_faults(refused, field_of),
    )
