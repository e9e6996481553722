"""A request that was returned, or is not decided yet, corrected and handed in again."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.errors import CausationReused, Unavailable
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.problems import Refused
from bmt.contracts.requests import CorrectionHandedIn
from bmt.pages import session
from bmt.pages.forms import new_key, refusal
from bmt.pages.login import Admitted, SignInFirst
from services.intake.access import caller_of
from services.intake.correcting import Corrections
from services.intake.domain.state import Received
from services.intake.handlers import Judge
from services.intake.pages.api import led_to
from services.intake.pages.attachments import MOST, Attachments
from services.intake.pages.checking import checked
from services.intake.pages.desk import MAY_CORRECT, Correcting, Desk
from services.intake.pages.submission_form import SubmissionForm


def routes(
    desk: Desk,
    execution: Execution[Any, Any],
    attachments: Attachments,
    corrections: Corrections,
    judge: Judge,
    admitted: Admitted,
) -> APIRouter:
    """The form, whole, with what was asked for before."""
    routes = APIRouter()
    caller = Depends(admitted)

    async def corrected(request_id: str, visitor: Principal) -> tuple[Correcting, Received]:
        known = await desk.own(request_id, visitor)
        state: Received = await execution.state(f"request-{request_id}")
        return Correcting(known, state.came_with), state

    @routes.get("/requests/{request_id}/correction")
    async def before(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        correcting, state = await corrected(request_id, visitor)
        known = correcting.request
        if known.status not in MAY_CORRECT:
            problem = "already_decided" if known.decision else "request_closed"
            refused = Refused(problem=problem)
            return await desk.one(request, request_id, visitor, new_key(), refused)
        form = SubmissionForm.again(state)
        return desk.form(request, visitor, known.facts.kind, form, correcting=correcting)

    @routes.post("/requests/{request_id}/correction")
    async def correct(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        correcting, state = await corrected(request_id, visitor)
        if (signed_in := session.of(request)) is None:
            raise SignInFirst
        told, form = await attachments.filled(request, visitor)
        try:
            most = len(state.last.documents) + MOST
            form, faults = await attachments.attached(told, form, visitor, most)
            wanted = form.wanted(visitor, faults, says_why=correcting.reason is None)
            body = await checked(CorrectionHandedIn, wanted, caller_of(visitor), judge)
            context = told.context(visitor)
            await corrections.correct(request_id, body, context, signed_in.access_token)
        except (Refused, CausationReused) as error:
            refused = refusal(error)
        except Unavailable:
            # It may have been taken in all the same: sent again, it must not come twice.
            form, refused = replace(form, key=told.key), Refused(problem="unavailable")
        else:
            return led_to(request_id, "corrected")
        kind = correcting.request.facts.kind
        return desk.form(request, visitor, kind, form, refused, correcting=correcting)

    return routes
