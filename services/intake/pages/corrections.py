"""A request that was returned, corrected and handed in again."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.address import Id
from bmt.chassis.auth import Principal
from bmt.chassis.errors import CausationReused
from bmt.chassis.execution import Execution
from bmt.contracts.problems import Refused
from bmt.pages.forms import refusal
from bmt.pages.login import Admitted
from services.intake import answers
from services.intake.api import message
from services.intake.audience import caller_of
from services.intake.domain.commands import CorrectRequest
from services.intake.handlers import Weigh
from services.intake.pages.api import led_to
from services.intake.pages.attachments import Attachments
from services.intake.pages.desk import Desk
from services.intake.pages.submission_form import SubmissionForm


def routes(
    desk: Desk,
    execution: Execution[Any, Any],
    attachments: Attachments,
    weigh: Weigh,
    admitted: Admitted,
) -> APIRouter:
    """The form, with what was asked for before."""
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/requests/{request_id}/correction")
    async def returned(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        known = await desk.own(request_id, visitor)
        form = SubmissionForm.again(known)
        return desk.form(request, visitor, known.facts.kind, form, correcting=known)

    @routes.post("/requests/{request_id}/correction")
    async def correct(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        known = await desk.own(request_id, visitor)
        told, form = await attachments.filled(request, visitor)
        try:
            form = await attachments.attached(told, form, visitor)
            body = form.submission(visitor)
            weighed = await weigh(body, "form", caller_of(visitor), correcting=request_id)
            what = CorrectRequest(request_id, weighed, answers.known(known))
            await execution.execute(message(request_id, told.context(visitor), what))
        except (Refused, CausationReused) as error:
            refused = refusal(error)
            return desk.form(request, visitor, known.facts.kind, form, refused, correcting=known)
        return led_to(request_id)

    return routes
