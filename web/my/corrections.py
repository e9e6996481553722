"""The form that corrects a request which was returned, or is not decided yet."""

import asyncio
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id
from bmt.contracts.events import CorrectionHandedIn
from bmt.contracts.http.intake import LastSubmission, RequestAccepted, RequestStatus
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Kind
from web.clients import VisitorClient, address
from web.forms import KEEP, Sent
from web.my.form_page import Correcting, form_page
from web.my.new_requests import (
    DOCUMENTS_FAULT,
    FILES,
    refused_form,
    unavailable,
)
from web.my.requests import MAY_CORRECT, Visitor, own, request_page
from web.my.submission_form import SubmissionForm, checked, found_wrong
from web.ports import Client, Here
from web.uploads import MOST, attached, kept

REFERENCE: Final = "reference"
RETURNED_FOR: Final = "returned_for"
"""Fields that let the form be shown while intake is down."""
_DECIDED: Final = frozenset({"approved", "rejected"})
_SEE_OTHER: Final = 303

router = APIRouter(prefix="/requests/{request_id}/correction")


@router.get("")
async def before(
    here: Here, client: Client, request: Request, request_id: Id, visitor: Visitor
) -> Response:
    known, last = await _known(client, request_id)
    if known.status not in MAY_CORRECT:
        decided = any(step.step in _DECIDED for step in known.steps)
        refused = Refused(problem="already_decided" if decided else "request_closed")
        return await request_page(here, client, request, request_id, refused)
    form, correcting = SubmissionForm.again(last), _correcting(known, last)
    return await form_page(here, client, request, visitor, last.kind, form, None, correcting)


@router.post("")
async def correct(
    here: Here, client: Client, request: Request, request_id: Id, visitor: Visitor
) -> Response:
    try:
        known, last = await _known(client, request_id)
    except Unavailable:
        return await _shown_again(here, client, request, request_id, visitor)
    correcting, sent = _correcting(known, last), await here.uploads.read(request, client)
    most = len(last.documents) + len(last.came_with) + MOST
    came = await attached(client, sent, FILES, pointer=DOCUMENTS_FAULT, most=most)
    form = SubmissionForm.of(sent, came.documents)
    body = form.body(visitor, came.faults, says_why=correcting.reason is None)
    if sent.text(KEEP):
        form = form.under(sent.key)
        wrong = await found_wrong(client, CorrectionHandedIn, body, sent, came.faults)
        return await form_page(here, client, request, visitor, last.kind, form, wrong, correcting)
    try:
        came.require_all()
        valid = await checked(client, CorrectionHandedIn, body, sent.key)
        path = address("requests", request_id, "correction")
        await client.post("intake", path, valid, RequestAccepted, sent.key)
    except Refused as refused:
        form, shown = refused_form(form, refused)
    except Unavailable:
        form, shown = form.under(sent.key), unavailable(came)
    else:
        there = f"{here.layout.prefix}/requests/{request_id}?corrected=1"
        return RedirectResponse(there, _SEE_OTHER)
    return await form_page(here, client, request, visitor, last.kind, form, shown, correcting)


async def _shown_again(
    here: Here, client: VisitorClient, request: Request, request_id: str, visitor: Visitor
) -> Response:
    """The form as it was sent, while nobody can say what is corrected."""
    sent = await here.uploads.read(request, client)
    came = kept(sent, DOCUMENTS_FAULT)
    correcting = _as_sent(sent, request_id)
    lost = [FieldError.of(DOCUMENTS_FAULT, "attachment_lost")] if sent.files(FILES) else []
    refused = Refused(problem="unavailable", errors=(*came.faults, *lost))
    form = SubmissionForm.of(sent, came.documents).under(sent.key)
    return await form_page(
        here, client, request, visitor, correcting.kind, form, refused, correcting
    )


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
