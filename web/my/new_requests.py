"""The form of a new application or termination, and its draft."""

from contextlib import suppress
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.contracts.events import SubmitRequest
from bmt.contracts.http.intake import RequestAccepted
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Kind
from web.clients import VisitorClient, address
from web.forms import KEEP, FormWrong
from web.my.drafts import Draft, Drafts, DraftTooLarge
from web.my.form_page import form_page
from web.my.requests import Visitor
from web.my.submission_form import SubmissionForm, checked, found_wrong
from web.ports import Client, Here, Ports
from web.uploads import Attached, attached, known

FILES: Final = "attached"
DOCUMENTS_FAULT: Final = "/documents"
"""The pointer of what is wrong with attachments."""
SAVE: Final = "save_draft"
DISCARD: Final = "discard_draft"
"""The names of the buttons other than the one that sends the form."""
FROM_LIST: Final = "list"
"""The value of the button that discards a draft in the list."""
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
    sent = await here.uploads.read(request, client)
    if sent.text(DISCARD):
        await here.drafts.discard(visitor.subject, kind)
        from_list = sent.text(DISCARD) == FROM_LIST
        there = f"{here.layout.prefix}/" if from_list else request.url.path
        return RedirectResponse(there, _SEE_OTHER)
    came = await attached(client, sent, FILES, pointer=DOCUMENTS_FAULT)
    form = SubmissionForm.of(sent, came.documents)
    if sent.text(KEEP):
        draft = await here.drafts.find(visitor.subject, kind)
        form = form.under(sent.key, draft.saved_at if draft and draft.key == sent.key else None)
        body = form.body(visitor, came.faults)
        wrong = await found_wrong(client, SubmitRequest, body, sent, came.faults)
        return await form_page(here, client, request, visitor, kind, form, wrong)
    try:
        if sent.text(SAVE):
            return await _saved(here, client, request, kind, visitor, form, came)
        came.require_all()
        valid = await checked(client, SubmitRequest, form.body(visitor, came.faults), sent.key)
        path = address("requests")
        accepted = await client.post("intake", path, valid, RequestAccepted, sent.key)
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


async def _saved(
    here: Ports,
    client: VisitorClient,
    request: Request,
    kind: Kind,
    visitor: Principal,
    form: SubmissionForm,
    came: Attached,
) -> Response:
    draft = form.draft(here.clock())
    await here.drafts.save(visitor.subject, kind, draft)
    if not came.faults:
        return RedirectResponse(request.url.path, _SEE_OTHER)
    # A draft may have errors; but a file that was refused is not in it.
    wrong = FormWrong(errors=tuple(came.faults))
    return await form_page(here, client, request, visitor, kind, SubmissionForm.left(draft), wrong)


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
