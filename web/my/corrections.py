"""The form that corrects a request which was returned, or is not decided yet."""

import asyncio
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id
from bmt.contracts.events import CorrectionHandedIn
from bmt.contracts.http.intake import LastSubmission, RequestAccepted, RequestStatus
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Kind
from web.clients import VisitorClient, address
from web.forms import KEEP, Sent
from web.my.new_requests import (
    DOCUMENTS_FAULT,
    FILES,
    refused_form,
    unavailable,
)
from web.my.requests import MAY_CORRECT, Visitor, own, request_page
from web.my.submission_form import Correcting, SubmissionForm, checked, form_page, found_wrong
from web.ports import Visit
from web.uploads import MOST, attached, kept

REFERENCE: Final = "reference"
RETURNED_FOR: Final = "returned_for"
"""Fields that let the form be shown while intake is down."""
_DECIDED: Final = frozenset({"approved", "rejected"})

router = APIRouter(prefix="/requests/{request_id}/correction")


@router.get("")
async def before(visit: Visitor, request_id: Id) -> Response:
    known, last = await _known(visit.client, request_id)
    if known.status not in MAY_CORRECT:
        decided = any(step.step in _DECIDED for step in known.steps)
        refused = Refused(problem="already_decided" if decided else "request_closed")
        return await request_page(visit, request_id, refused)
    form, correcting = SubmissionForm.again(last), _correcting(known, last)
    return await form_page(visit, last.kind, form, None, correcting)


@router.post("")
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
