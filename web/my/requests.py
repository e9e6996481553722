"""The pages of one's own requests: the list, one request with its withdrawal, and papers to print."""

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id, Page
from bmt.contracts.http.intake import RequestStatus, WithdrawalAccepted
from bmt.contracts.problems import Refused
from bmt.contracts.values import PostedChannel
from web.clients import VisitorClient, address
from web.forms import Sent, faults_of, new_key, sent
from web.login import Admitted
from web.my import wording
from web.ports import Client, Here
from web.steps import Known, outcome_of, steps_of

MAY_CORRECT: Final = ("received", "returned")
"""The statuses in which a request can be corrected or withdrawn."""
_SEE_OTHER: Final = 303

Visitor = Annotated[Principal, Depends(Admitted("applicant", "administrator"))]
Cursor = Annotated[str | None, Query(max_length=1024)]

router = APIRouter()


@router.get("/")
async def listed(
    here: Here, client: Client, request: Request, visitor: Visitor, cursor: Cursor = None
) -> Response:
    found = await client.get(
        "intake", address("requests"), Page[RequestStatus], {"mine": True, "cursor": cursor}
    )
    return here.layout.page(
        request,
        "requests.html",
        found=found.items,
        more=found.next_cursor,
        papers=_papers(visitor, here.agencies),
        wording=wording,
    )


def _papers(visitor: Principal, agencies: Agencies) -> Sequence[PostedChannel]:
    """The blank papers that the visitor can print, by channel."""
    if visitor.agency not in agencies:
        return ()
    printed = ("form", "memo", "letter") if visitor.has("administrator") else ("form",)
    received = agencies.get(visitor.agency).rules.channels.in_
    return tuple(channel for channel in received if channel in printed)


@router.get("/papers/{name}.pdf")
async def blank_paper(client: Client, name: Id, visitor: Visitor) -> Response:
    """A paper of the visitor's own agency."""
    path = address("forms", f"{name}.pdf")
    return await client.passed_on("intake", path, {"agency": visitor.agency})


@router.get("/requests/{request_id}")
async def one(here: Here, client: Client, request: Request, request_id: Id, _: Visitor) -> Response:
    return await request_page(here, client, request, request_id)


@router.post("/requests/{request_id}")
async def withdraw(
    here: Here,
    client: Client,
    request: Request,
    request_id: Id,
    _: Visitor,
    form: Annotated[Sent, Depends(sent)],
) -> Response:
    await own(client, request_id)
    path = address("requests", request_id, "withdrawal")
    reason = {"reason": form.text("reason").strip()}
    try:
        await client.post("intake", path, reason, WithdrawalAccepted, form.key)
    except Refused as refused:
        return await request_page(here, client, request, request_id, refused)
    return RedirectResponse(f"{here.layout.prefix}/requests/{request_id}", _SEE_OTHER)


async def own(client: VisitorClient, request_id: str) -> RequestStatus:
    """A request of the visitor's own account, whatever else they may read.

    Raises:
        Refused: `not_found`.
    """
    path = address("requests", request_id)
    return await client.get("intake", path, RequestStatus, {"mine": True})


async def request_page(
    here: Here,
    client: VisitorClient,
    request: Request,
    request_id: str,
    refused: Refused | None = None,
) -> Response:
    found = await own(client, request_id)
    return here.layout.page(
        request,
        "request.html",
        one=found,
        steps=steps_of(found.status, found.steps, Known(on_paper=found.reply_through != "email")),
        result=outcome_of(
            found.status, found.steps, found.granted.quota_bytes if found.granted else None
        ),
        may_withdraw=found.status in MAY_CORRECT,
        agency=here.agencies.name_of(found.agency),
        key=new_key(),
        refused=refused,
        faults=faults_of(refused),
        new=request.query_params.get("new") == "1",
        corrected=request.query_params.get("corrected") == "1",
        wording=wording,
    )
