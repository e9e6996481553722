"""The form of a new application or termination, and its draft."""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.intake import RequestAccepted
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.requests import SubmitRequest
from bmt.contracts.values import Kind
from web.clients import address
from web.forms import FormWrong
from web.my.drafts import Draft, Drafts, DraftTooLarge
from web.my.form_page import form_page
from web.my.requests import Visitor
from web.my.submission_form import SubmissionForm, checked
from web.ports import Client, Here
from web.uploads import Attached, attached, known, with_files

FILES: Final = "attached"
DOCUMENTS_FAULT: Final = "/documents"
"""The pointer of what is wrong with attachments."""
SAVE: Final = "save_draft"
DISCARD: Final = "discard_draft"
"""The names of the buttons other than the one that sends the form."""
_SEE_OTHER: Final = 303

router = APIRouter(prefix="/new/{kind}")


@router.get("")
async def form_of(
    here: Here, client: Client, request: Request, kind: Kind, visitor: Visitor
) -> Response:
    draft = await here.drafts.find(visitor.subject, kind)
    form = SubmissionForm.left(draft) if draft else SubmissionForm(typed={"kind": kind})
    return await form_page(here, client, request, visitor, kind, form)


@router.post("")
async def submit(
    here: Here, client: Client, request: Request, kind: Kind, visitor: Visitor
) -> Response:
    sent = await with_files(request)
    if sent.text(DISCARD):
        await here.drafts.discard(visitor.subject, kind)
        return RedirectResponse(request.url.path, _SEE_OTHER)
    came = await attached(client, sent, FILES, pointer=DOCUMENTS_FAULT)
    form = SubmissionForm.of(sent, came.documents)
    try:
        if sent.text(SAVE):
            draft = form.draft(here.clock())
            await here.drafts.save(visitor.subject, kind, draft)
            if not came.faults:
                return RedirectResponse(request.url.path, _SEE_OTHER)
            # A draft may have errors; but a file that was refused is not in it.
            wrong = FormWrong(errors=tuple(came.faults))
            return await form_page(
                here, client, request, visitor, kind, SubmissionForm.left(draft), wrong
            )
        came.require_all()
        body = await checked(client, SubmitRequest, form.body(visitor, came.faults), sent.key)
        path = address("requests")
        accepted = await client.post("intake", path, body, RequestAccepted, sent.key)
    except Refused as refused:
        await _rename(here.drafts, visitor.subject, kind, sent.key, form.draft(here.clock()))
        form, shown = refused_form(form, refused)
        return await form_page(here, client, request, visitor, kind, form, shown)
    except Unavailable:
        return await form_page(
            here, client, request, visitor, kind, form.under(sent.key), unavailable(came)
        )
    # A draft that a crash leaves here has this form's key: sent again, it is the same request.
    await here.drafts.discard(visitor.subject, kind, sent.key)
    there = f"{here.layout.prefix}/requests/{accepted.request_id}?new=1"
    return RedirectResponse(there, _SEE_OTHER)


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
