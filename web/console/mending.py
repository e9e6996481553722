"""What an administrator does about a failure of one request: try again, set IPMS by hand, tell the applicant."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Id
from bmt.contracts.http.notification import ResendAccepted, TellOfDelay, ToldOfDelay
from bmt.contracts.http.provisioning import RetryAccepted, RetryOrder
from bmt.contracts.problems import FieldError, Refused
from web.clients import address
from web.console.access import Administrator
from web.console.forms import Form
from web.console.request_page import Answer, Mending, request_page
from web.forms import FormWrong, new_key, validated
from web.ports import Client, Here

router = APIRouter(prefix="/requests/{request_id}")

_SEE_OTHER = 303


@router.get("/retry")
@router.get("/resend")
async def forms(request: Request, _: Administrator) -> Response:
    """They stand on the request's page."""
    return RedirectResponse(request.url.path.rpartition("/")[0], _SEE_OTHER)


@router.post("/retry")
async def retry(
    request: Request, here: Here, request_id: Id, visitor: Administrator, client: Client, told: Form
) -> Response:
    reason = told.text("retry_reason").strip()
    try:
        if not reason:
            raise FormWrong(errors=(FieldError.of("/retry_reason", "blank"),))
        if told.text("do") == "tell":
            delay = validated(TellOfDelay, {"reason": reason})
            path = address("requests", request_id, "notifications")
            body = delay.model_dump(mode="json")
            await client.post("notification", path, body, ToldOfDelay, told.key)
        else:
            order = {"reason": reason, "by_hand": told.text("do") == "by-hand"}
            path = address("requests", request_id, "retry")
            body = validated(RetryOrder, order).model_dump(mode="json")
            await client.post("provisioning", path, body, RetryAccepted, told.key)
    except Refused as refused:
        answer = Answer(mending=Mending(reason, refused, new_key()))
    except Unavailable:
        # It may have succeeded.
        answer = Answer(mending=Mending(reason, Refused(problem="unavailable"), told.key))
    else:
        return RedirectResponse(f"{request.url.path.rpartition('/')[0]}?retried=1", _SEE_OTHER)
    return await request_page(here, request, request_id, visitor, client, answer)


@router.post("/resend")
async def resend(request: Request, _: Administrator, client: Client, told: Form) -> Response:
    """Raises `Refused` and `Unavailable`: nothing was typed."""
    path = address("notifications", told.text("notification_id"), "resend")
    await client.post("notification", path, {}, ResendAccepted, told.key)
    return RedirectResponse(f"{request.url.path.rpartition('/')[0]}?retried=1", _SEE_OTHER)
