"""The form of a new application or termination, and its draft; and the form that corrects a request which was returned, or is not decided yet."""

import asyncio
from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id
from bmt.contracts.events import CorrectionHandedIn, SubmitRequest
from bmt.contracts.http.intake import LastSubmission, RequestAccepted, RequestStatus
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Kind
from web.clients import VisitorClient, address
from web.forms import KEEP, FormWrong, Sent
from web.my.drafts import Draft, Drafts, DraftTooLarge
from web.my.requests import MAY_CORRECT, Visitor, own, request_page
from web.my.submission_form import Correcting, SubmissionForm, checked, form_page, found_wrong
from web.ports import Visit
from web.uploads import MOST, Attached, attached, kept, known

FILES: Final = "attached"
DOCUMENTS_FAULT: Final = "/documents"
"""The pointer of what is wrong with attachments."""
SAVE: Final = "save_draft"
DISCARD: Final = "discard_draft"
"""The names of the buttons other than the one that sends the form."""
FROM_LIST: Final = "list"
"""The value of the button that discards a draft in the list."""

router = APIRouter(prefix="/new/{kind}")


@router.get("")
async def form_of(visit: Visitor, kind: Kind) -> Response:
    draft = await visit.here.drafts.find(visit.visitor.subject, kind)
    form = SubmissionForm.left(draft) if draft else SubmissionForm(typed={"kind": kind})
    return await form_page(visit, kind, form)


@router.post("")
async def submit(visit: Visitor, kind: Kind) -> Response:
    sent = await visit.form()
    if sent.text(DISCARD):
        await visit.here.drafts.discard(visit.visitor.subject, kind)
        from_list = sent.text(DISCARD) == FROM_LIST
        there = f"{visit.here.layout.prefix}/" if from_list else visit.request.url.path
        return visit.redirect(there)
    came = await attached(visit.client, sent, FILES, pointer=DOCUMENTS_FAULT)
    form = SubmissionForm.of(sent, came.documents)
    if sent.text(KEEP):
        draft = await visit.here.drafts.find(visit.visitor.subject, kind)
        form = form.under(sent.key, draft.saved_at if draft and draft.key == sent.key else None)
        body = form.body(visit.visitor, came.faults)
        wrong = await found_wrong(visit.client, SubmitRequest, body, sent, came.faults)
        return await form_page(visit, kind, form, wrong)
    try:
        if sent.text(SAVE):
            return await _saved(visit, kind, form, came)
        came.require_all()
        valid = await checked(
            visit.client, SubmitRequest, form.body(visit.visitor, came.faults), sent.key
        )
        path = address("requests")
        accepted = await visit.client.post("intake", path, valid, RequestAccepted, sent.key)
    except Refused as refused:
        await _rename(
            visit.here.drafts, visit.visitor.subject, kind, sent.key, form.draft(visit.here.clock())
        )
        form, shown = refused_form(form, refused)
        return await form_page(visit, kind, form, shown)
    except Unavailable:
        return await form_page(visit, kind, form.under(sent.key), unavailable(came))
    # A draft that a crash leaves here has this form's key: sent again, it is the same request.
    await visit.here.drafts.discard(visit.visitor.subject, kind, sent.key)
    there = f"{visit.here.layout.prefix}/requests/{accepted.request_id}?new=1"
    return visit.redirect(there)


async def _saved(visit: Visit, kind: Kind, form: SubmissionForm, came: Attached) -> Response:
    draft = form.draft(visit.here.clock())
    await visit.here.drafts.save(visit.visitor.subject, kind, draft)
    if not came.faults:
        return visit.redirect(visit.request.url.path)
    # A draft may have errors; but a file that was refused is not in it.
    wrong = FormWrong(errors=tuple(came.faults))
    return await form_page(visit, kind, SubmissionForm.left(draft), wrong)


async def _rename(drafts: Drafts, account: str, kind: Kind, key: str, draft: Draft) -> None:
    """A refused form gets a new key, and so does its draft."""
    kept = await drafts.find(account, kind)
    if kept is not None and kept.key == key:
        with suppress(DraftTooLarge):
            await drafts.save(account, kind, draft)


def refused_form(form: SubmissionForm, refused: Refused) -> tuple[SubmissionForm, Refused]:
    """The form without the documents that intake does not know any more, and the refusal that says so."""
    documents = known(form.documents, refused)
    if len(documents) == len(form.documents):
        return form, refused
    others = [fault for fault in refused.errors if fault.code != "document_unknown"]
    lost = FieldError.of(DOCUMENTS_FAULT, "attachment_lost")
    return form.holding(documents), FormWrong(errors=(*others, lost))


def unavailable(came: Attached) -> Refused:
    """Shown with the form under its own key: what was sent may have been received all the same."""
    lost = came.faults if came.unavailable is not None else ()
    return Refused(problem="unavailable", errors=tuple(lost))


REFERENCE: Final = "reference"
RETURNED_FOR: Final = "returned_for"
"""Fields that let the form be shown while intake is down."""
_DECIDED: Final = frozenset({"approved", "rejected"})

corrections = APIRouter(prefix="/requests/{request_id}/correction")


@corrections.get("")
async def before(visit: Visitor, request_id: Id) -> Response:
    known, last = await _known(visit.client, request_id)
    if known.status not in MAY_CORRECT:
        decided = any(step.step in _DECIDED for step in known.steps)
        refused = Refused(problem="already_decided" if decided else "request_closed")
        return await request_page(visit, request_id, refused)
    form, correcting = SubmissionForm.again(last), _correcting(known, last)
    return await form_page(visit, last.kind, form, None, correcting)


@corrections.post("")
async def correct(visit: Visitor, request_id: Id) -> Response:
    try:
        known, last = await _known(visit.client, request_id)
    except Unavailable:
        return await _shown_again(visit, request_id)
    correcting, sent = _correcting(known, last), await visit.form()
    most = len(last.documents) + len(last.came_with) + MOST
    came = await attached(visit.client, sent, FILES, pointer=DOCUMENTS_FAULT, most=most)
    form = SubmissionForm.of(sent, came.documents)
    body = form.body(visit.visitor, came.faults, says_why=correcting.reason is None)
    if sent.text(KEEP):
        form = form.under(sent.key)
        wrong = await found_wrong(visit.client, CorrectionHandedIn, body, sent, came.faults)
        return await form_page(visit, last.kind, form, wrong, correcting)
    try:
        came.require_all()
        valid = await checked(visit.client, CorrectionHandedIn, body, sent.key)
        path = address("requests", request_id, "correction")
        await visit.client.post("intake", path, valid, RequestAccepted, sent.key)
    except Refused as refused:
        form, shown = refused_form(form, refused)
    except Unavailable:
        form, shown = form.under(sent.key), unavailable(came)
    else:
        there = f"{visit.here.layout.prefix}/requests/{request_id}?corrected=1"
        return visit.redirect(there)
    return await form_page(visit, last.kind, form, shown, correcting)


async def _shown_again(visit: Visit, request_id: str) -> Response:
    """The form as it was sent, while nobody can say what is corrected."""
    sent = await visit.form()
    came = kept(sent, DOCUMENTS_FAULT)
    correcting = _as_sent(sent, request_id)
    lost = [FieldError.of(DOCUMENTS_FAULT, "attachment_lost")] if sent.files(FILES) else []
    refused = Refused(problem="unavailable", errors=(*came.faults, *lost))
    form = SubmissionForm.of(sent, came.documents).under(sent.key)
    return await form_page(visit, correcting.kind, form, refused, correcting)


async def _known(client: VisitorClient, request_id: str) -> tuple[RequestStatus, LastSubmission]:
    path = address("requests", request_id, "submission")
    return await asyncio.gather(own(client, request_id), client.get("intake", path, LastSubmission))


def _correcting(known: RequestStatus, last: LastSubmission) -> Correcting:
    reasons = [step.detail for step in known.steps if step.step == "returned"]
    reason = reasons[-1] if known.status == "returned" and reasons else None
    return Correcting(known.request_id, known.reference, known.kind, reason, last.came_with)


def _as_sent(sent: Sent, request_id: str) -> Correcting:
    kind: Kind = "termination" if sent.text("kind") == "termination" else "application"
    reason = sent.text(RETURNED_FOR) or None
    return Correcting(request_id, sent.text(REFERENCE), kind, reason)
