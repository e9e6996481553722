"""The form of a new application or termination, and its draft."""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.contracts.events import SubmitRequest
from bmt.contracts.http.intake import RequestAccepted
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Kind
from web.clients import address
from web.forms import KEEP, FormWrong
from web.my.drafts import Draft, Drafts, DraftTooLarge
from web.my.requests import Visitor
from web.my.submission_form import SubmissionForm, checked, form_page, found_wrong
from web.ports import Visit
from web.uploads import Attached, attached, known

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
