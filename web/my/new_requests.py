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
from web.forms import KEEP, FormWrong, SubmittedForm
from web.my.drafts import Draft, Drafts, DraftTooLarge
from web.my.requests import MAY_CORRECT, Visitor, own, request_page
from web.my.submission_form import Correcting, SubmissionForm, checked, form_page, recheck
from web.ports import Visit
from web.uploads import MOST, Attached, attached, earlier_documents, known_documents

FILES: Final = "attached"
DOCUMENTS_FAULT: Final = "/documents"
"""The pointer of the faults of attachments."""
SAVE: Final = "save_draft"
DISCARD: Final = "discard_draft"
"""The names of the buttons other than the one that sends the form."""
FROM_LIST: Final = "list"
"""The value of the button that discards a draft in the list."""

router = APIRouter(prefix="/new/{kind}")


@router.get("")
async def form_of(visit: Visitor, kind: Kind) -> Response:
    draft = await visit.here.drafts.find(visit.visitor.subject, kind)
    form = SubmissionForm.of_draft(draft) if draft else SubmissionForm(typed={"kind": kind})
    return await form_page(visit, kind, form)


@router.post("")
async def submit(visit: Visitor, kind: Kind) -> Response:
    submitted = await visit.form()
    key = submitted.key
    if submitted.text(DISCARD):
        await visit.here.drafts.discard(visit.visitor.subject, kind)
        from_list = submitted.text(DISCARD) == FROM_LIST
        there = f"{visit.here.layout.prefix}/" if from_list else visit.request.url.path
        return visit.redirect(there)
    files = await attached(visit.client, submitted, FILES, pointer=DOCUMENTS_FAULT)
    form = SubmissionForm.of(submitted, files.documents)
    if submitted.text(KEEP):
        draft = await visit.here.drafts.find(visit.visitor.subject, kind)
        form = form.with_key(key, draft.saved_at if draft and draft.key == key else None)
        body = form.body(visit.visitor, files.faults)
        wrong = await recheck(visit.client, SubmitRequest, body, submitted, files)
        return await form_page(visit, kind, form, wrong)
    try:
        if submitted.text(SAVE):
            return await _saved(visit, kind, form, files)
        files.require_all()
        valid = await checked(
            visit.client, SubmitRequest, form.body(visit.visitor, files.faults), key
        )
        path = address("requests")
        accepted = await visit.client.post("intake", path, valid, RequestAccepted, key)
    except Refused as refused:
        await _rename(
            visit.here.drafts, visit.visitor.subject, kind, key, form.draft(visit.here.clock())
        )
        form, shown = refused_form(form, refused)
        return await form_page(visit, kind, form, shown)
    except Unavailable:
        return await form_page(visit, kind, form.with_key(key), unavailable(files))
    # If a crash leaves the draft here, it has this form's key: submitted again, it is the same request.
    await visit.here.drafts.discard(visit.visitor.subject, kind, key)
    there = f"{visit.here.layout.prefix}/requests/{accepted.request_id}?new=1"
    return visit.redirect(there)


async def _saved(visit: Visit, kind: Kind, form: SubmissionForm, files: Attached) -> Response:
    draft = form.draft(visit.here.clock())
    await visit.here.drafts.save(visit.visitor.subject, kind, draft)
    if not files.faults:
        return visit.redirect(visit.request.url.path)
    # A draft may have errors; but a file that was refused is not in it.
    wrong = FormWrong(errors=tuple(files.faults))
    return await form_page(visit, kind, SubmissionForm.of_draft(draft), wrong)


async def _rename(drafts: Drafts, account: str, kind: Kind, key: str, draft: Draft) -> None:
    """A refused form gets a new key, and so does its draft."""
    stored = await drafts.find(account, kind)
    if stored is not None and stored.key == key:
        with suppress(DraftTooLarge):
            await drafts.save(account, kind, draft)


def refused_form(form: SubmissionForm, refused: Refused) -> tuple[SubmissionForm, Refused]:
    """The form without the documents that intake does not know any more, and the refusal that says so."""
    documents = known_documents(form.documents, refused)
    if len(documents) == len(form.documents):
        return form, refused
    others = [fault for fault in refused.errors if fault.code != "document_unknown"]
    lost = FieldError.of(DOCUMENTS_FAULT, "attachment_lost")
    return form.with_documents(documents), FormWrong(errors=(*others, lost))


def unavailable(files: Attached) -> Refused:
    """The form keeps its key, because intake may have received it."""
    lost = files.faults if files.unavailable is not None else ()
    return Refused(problem="unavailable", errors=tuple(lost))


REFERENCE: Final = "reference"
RETURNED_FOR: Final = "returned_for"
"""Fields that let the form be shown while intake is down."""
_DECIDED: Final = frozenset({"approved", "rejected"})

corrections = APIRouter(prefix="/requests/{request_id}/correction")


@corrections.get("")
async def before(visit: Visitor, request_id: Id) -> Response:
    status, last = await _request(visit.client, request_id)
    if status.status not in MAY_CORRECT:
        decided = any(step.step in _DECIDED for step in status.steps)
        refused = Refused(problem="already_decided" if decided else "request_closed")
        return await request_page(visit, request_id, refused)
    form, correcting = SubmissionForm.of_submission(last), _correcting(status, last)
    return await form_page(visit, last.kind, form, None, correcting)


@corrections.post("")
async def correct(visit: Visitor, request_id: Id) -> Response:
    try:
        status, last = await _request(visit.client, request_id)
    except Unavailable:
        return await _page_without_intake(visit, request_id)
    correcting, submitted = _correcting(status, last), await visit.form()
    most = len(last.documents) + len(last.came_with) + MOST
    files = await attached(visit.client, submitted, FILES, pointer=DOCUMENTS_FAULT, most=most)
    form = SubmissionForm.of(submitted, files.documents)
    body = form.body(visit.visitor, files.faults, needs_reason=correcting.reason is None)
    if submitted.text(KEEP):
        form = form.with_key(submitted.key)
        wrong = await recheck(visit.client, CorrectionHandedIn, body, submitted, files)
        return await form_page(visit, last.kind, form, wrong, correcting)
    try:
        files.require_all()
        valid = await checked(visit.client, CorrectionHandedIn, body, submitted.key)
        path = address("requests", request_id, "correction")
        await visit.client.post("intake", path, valid, RequestAccepted, submitted.key)
    except Refused as refused:
        form, shown = refused_form(form, refused)
    except Unavailable:
        form, shown = form.with_key(submitted.key), unavailable(files)
    else:
        there = f"{visit.here.layout.prefix}/requests/{request_id}?corrected=1"
        return visit.redirect(there)
    return await form_page(visit, last.kind, form, shown, correcting)


async def _page_without_intake(visit: Visit, request_id: str) -> Response:
    """The submitted form, while intake cannot say which request it corrects."""
    submitted = await visit.form()
    files = earlier_documents(submitted, DOCUMENTS_FAULT)
    correcting = _correcting_as_submitted(submitted, request_id)
    lost = [FieldError.of(DOCUMENTS_FAULT, "attachment_lost")] if submitted.files(FILES) else []
    refused = Refused(problem="unavailable", errors=(*files.faults, *lost))
    form = SubmissionForm.of(submitted, files.documents).with_key(submitted.key)
    return await form_page(visit, correcting.kind, form, refused, correcting)


async def _request(client: VisitorClient, request_id: str) -> tuple[RequestStatus, LastSubmission]:
    path = address("requests", request_id, "submission")
    return await asyncio.gather(own(client, request_id), client.get("intake", path, LastSubmission))


def _correcting(status: RequestStatus, last: LastSubmission) -> Correcting:
    reasons = [step.detail for step in status.steps if step.step == "returned"]
    reason = reasons[-1] if status.status == "returned" and reasons else None
    return Correcting(status.request_id, status.reference, status.kind, reason, last.came_with)


def _correcting_as_submitted(submitted: SubmittedForm, request_id: str) -> Correcting:
    kind: Kind = "termination" if submitted.text("kind") == "termination" else "application"
    reason = submitted.text(RETURNED_FOR) or None
    return Correcting(request_id, submitted.text(REFERENCE), kind, reason)
