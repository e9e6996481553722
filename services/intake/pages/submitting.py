"""A new request: the form, empty or as it was left; kept as a draft, or sent."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.runtime.clock import Clock, NewId
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.requests import SubmitRequest
from bmt.contracts.values import Kind
from bmt.pages.forms import FormWrong, refusal
from bmt.pages.login import Admitted
from services.intake import handlers
from services.intake.access import caller_of
from services.intake.api import message
from services.intake.drafts import Draft, Drafts, DraftTooLarge
from services.intake.handlers import AssembleSubmission, Judge
from services.intake.pages.api import PREFIX, led_to
from services.intake.pages.attachments import Attachments
from services.intake.pages.checking import checked
from services.intake.pages.desk import Desk
from services.intake.pages.submission_form import SubmissionForm

SAVE: Final = "save_draft"
DISCARD: Final = "discard_draft"
"""The buttons' names: what is to be done with the form beside sending it."""

_SEE_OTHER: Final = 303


def routes(
    desk: Desk,
    execution: Execution[Any, Any],
    attachments: Attachments,
    drafts: Drafts,
    *,
    assemble_submission: AssembleSubmission,
    judge: Judge,
    new_id: NewId,
    clock: Clock,
    admitted: Admitted,
) -> APIRouter:
    """The form of each kind, at the address that it is sent to."""
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/new/{kind}")
    async def form_of(
        request: Request, kind: Kind, visitor: Annotated[Principal, caller]
    ) -> Response:
        draft = await drafts.find(visitor.subject, kind)
        form = SubmissionForm.left(draft) if draft else SubmissionForm(typed={"kind": kind})
        return desk.form(request, visitor, kind, form)

    @routes.post("/new/{kind}")
    async def submit(
        request: Request, kind: Kind, visitor: Annotated[Principal, caller]
    ) -> Response:
        told, form = await attachments.filled(request, visitor)
        if told.text(DISCARD):
            await drafts.discard(visitor.subject, kind)
            return _again(kind)
        try:
            form, faults = await attachments.attached(told, form, visitor)
            if told.text(SAVE):
                draft = form.draft(clock())
                await drafts.save(visitor.subject, kind, draft)
                return _left(request, visitor, kind, SubmissionForm.left(draft), faults)
            wanted = form.wanted(visitor, faults)
            body = await checked(SubmitRequest, wanted, caller_of(visitor), judge)
            what = await handlers.receive_request(
                body, caller_of(visitor), assemble_submission, new_id
            )
            context = told.context(visitor)
            executed = await execution.execute(message(what.request_id, context, what, new=True))
        except (Refused, CausationReused) as error:
            await _renamed(drafts, visitor, kind, told.key, form.draft(clock()))
            return desk.form(request, visitor, kind, form, refusal(error))
        except Unavailable:
            # It may have been taken in all the same: sent again, it must not come twice.
            away = Refused(problem="unavailable")
            return desk.form(request, visitor, kind, replace(form, key=told.key), away)
        # A draft that a crash leaves here has this form's name: sent again, it is the same request.
        await drafts.discard(visitor.subject, kind, told.key)
        return led_to(executed.commit.subject, "new")

    def _left(
        request: Request,
        visitor: Principal,
        kind: Kind,
        form: SubmissionForm,
        faults: Sequence[FieldError],
    ) -> Response:
        """A draft may be wrong; but of a file that is not taken in, nothing is left."""
        if not faults:
            return _again(kind)
        return desk.form(request, visitor, kind, form, FormWrong(errors=tuple(faults)))

    return routes


async def _renamed(drafts: Drafts, visitor: Principal, kind: Kind, key: str, draft: Draft) -> None:
    """What was refused goes on under another name, and its draft with it."""
    kept = await drafts.find(visitor.subject, kind)
    if kept is not None and kept.key == key:
        with suppress(DraftTooLarge):
            await drafts.save(visitor.subject, kind, draft)


def _again(kind: Kind) -> Response:
    return RedirectResponse(f"{PREFIX}/new/{kind}", _SEE_OTHER)
