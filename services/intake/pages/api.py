"""The users' addresses; each form is the same command as the API's, and is sent to the page that it stands on."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import CausationReused
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.http.intake import ReasonGiven
from bmt.contracts.problems import Refused
from bmt.pages.forms import Sent, new_key, refusal, sent, validated
from bmt.pages.login import Admitted
from services.intake import answers
from services.intake.access import caller_of
from services.intake.api import PageAsked, message
from services.intake.domain.commands import WithdrawRequest
from services.intake.pages.desk import Desk

PREFIX: Final = "/my"
_SEE_OTHER: Final = 303

Form = Annotated[Sent, Depends(sent)]


def routes(desk: Desk, execution: Execution[Any, Any], admitted: Admitted) -> APIRouter:
    """One's requests, one of them, and its withdrawal."""
    routes = APIRouter()
    caller = Depends(admitted)

    @routes.get("/")
    async def listed(
        request: Request, visitor: Annotated[Principal, caller], page: PageAsked
    ) -> Response:
        return await desk.listed(request, visitor, page)

    @routes.get("/requests/{request_id}")
    async def one(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller]
    ) -> Response:
        return await desk.one(request, request_id, visitor, new_key())

    @routes.post("/requests/{request_id}")
    async def withdraw(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller], told: Form
    ) -> Response:
        known = await desk.own(request_id, visitor)
        try:
            given = validated(ReasonGiven, {"reason": told.text("reason").strip()})
            what = WithdrawRequest(given.reason, caller_of(visitor), answers.known(known))
            await execution.execute(message(request_id, told.context(visitor), what))
        except (Refused, CausationReused) as error:
            return await desk.one(request, request_id, visitor, new_key(), refusal(error))
        return RedirectResponse(f"{PREFIX}/requests/{request_id}", _SEE_OTHER)

    return routes


def led_to(request_id: str, came: Literal["new", "corrected"]) -> Response:
    """To the receipt, of a request or of its correction."""
    return RedirectResponse(f"{PREFIX}/requests/{request_id}?{came}=1", _SEE_OTHER)
