"""The pages of one's own requests: the list with drafts, one request with its withdrawal, and papers to print."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.agencies.register import Agencies
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.intake import LastSubmission, RequestStatus, WithdrawalAccepted
from bmt.contracts.http.provisioning import ConfigurationState
from bmt.contracts.problems import Refused
from bmt.contracts.values import Kind, PostedChannel
from web.clients import VisitorClient, address, part
from web.forms import KEEP, Sent, all_told, faults_of, new_key, sent
from web.login import Admitted
from web.my import wording
from web.my.drafts import Draft
from web.ports import Client, Here, Ports
from web.steps import NOW, Known, Outcome, Step, away_of, due_of, outcome_of, person, steps_of

MAY_CORRECT: Final = ("received", "returned")
"""The statuses in which a request can be corrected or withdrawn."""
_SEE_OTHER: Final = 303

Visitor = Annotated[Principal, Depends(Admitted("applicant", "administrator"))]
Cursor = Annotated[str | None, Query(max_length=1024)]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """A request as it stands in a list.

    Attributes:
        now: the step that it waits for; None: it is done.
    """

    one: RequestStatus
    result: Outcome
    now: Step | None


@router.get("/")
async def listed(
    here: Here, client: Client, request: Request, visitor: Visitor, cursor: Cursor = None
) -> Response:
    asked = {"mine": True, "cursor": cursor}
    found, drafts = await asyncio.gather(
        client.get("intake", address("requests"), Page[RequestStatus], asked),
        _drafts(here, visitor),
    )
    return here.layout.page(
        request,
        "requests.html",
        drafts=drafts,
        found=[line_of(here, request, one) for one in found.items],
        more=found.next_cursor,
        papers=_papers(visitor, here.agencies),
        wording=wording,
    )


async def _drafts(here: Ports, visitor: Principal) -> Mapping[Kind, Draft]:
    kinds: tuple[Kind, ...] = get_args(Kind)
    found = await asyncio.gather(*(here.drafts.find(visitor.subject, kind) for kind in kinds))
    return {kind: draft for kind, draft in zip(kinds, found, strict=True) if draft}


def line_of(here: Ports, request: Request, one: RequestStatus) -> Line:
    steps = _steps(here, request, one)
    now = next((step for step in steps if step.state in ("now", "failed")), None)
    return Line(one, _outcome(one), now)


def _steps(
    here: Ports,
    request: Request,
    one: RequestStatus,
    configuration: ConfigurationState | None = None,
) -> Sequence[Step]:
    rules = here.agencies.get(one.agency).rules if one.agency in here.agencies else None
    step = NOW.get(one.status)
    due = due_of(one.due_at, here.clock(), rules) if one.due_at else None
    known = Known(
        names={one.applicant.account.casefold(): one.applicant.name},
        unnamed=here.layout.language(request).text(wording.OFFICER),
        dues={step: due} if step and due else {},
        on_paper=one.reply_through != "email",
        away=away_of(configuration),
    )
    return steps_of(one.status, one.steps, known)


def _outcome(one: RequestStatus) -> Outcome:
    return outcome_of(one.status, one.steps, one.granted.quota_bytes if one.granted else None)


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


@router.get("/requests/{request_id}/documents/{document_id}")
async def document(client: Client, request_id: Id, document_id: Id, _: Visitor) -> Response:
    await own(client, request_id)
    path = address("requests", request_id, "documents", document_id)
    return await client.passed_on("intake", path)


@router.post("/requests/{request_id}")
async def withdraw(
    here: Here,
    client: Client,
    request: Request,
    request_id: Id,
    _: Visitor,
    form: Annotated[Sent, Depends(sent)],
) -> Response:
    if form.text(KEEP):
        return await request_page(here, client, request, request_id, form=form)
    await own(client, request_id)
    path = address("requests", request_id, "withdrawal")
    reason = {"reason": form.text("reason").strip()}
    try:
        await client.post("intake", path, reason, WithdrawalAccepted, form.key)
    except Refused as refused:
        return await request_page(here, client, request, request_id, refused, form)
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
    form: Sent | None = None,
) -> Response:
    """One request; `form` is that of its withdrawal, as it was sent."""
    path = address("requests", request_id, "submission")
    found, handed_in = await asyncio.gather(
        own(client, request_id), part(client.get("intake", path, LastSubmission))
    )
    configuration = None
    if found.status in ("approved", "configuring"):
        path = address("requests", request_id, "configuration")
        configuration = await part(client.get("provisioning", path, ConfigurationState))
    steps = _steps(here, request, found, configuration)
    unnamed = here.layout.language(request).text(wording.OFFICER)
    names = {found.applicant.account.casefold(): found.applicant.name}
    return here.layout.page(
        request,
        "request.html",
        one=found,
        handed_in=handed_in,
        steps=steps,
        due=next((step for step in steps if step.due), None),
        result=_outcome(found),
        person=lambda by: person(by, names, unnamed),
        may_withdraw=found.status in MAY_CORRECT,
        agency=here.agencies.name_of(found.agency),
        key=new_key(),
        reason=form.text("reason") if form else "",
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused),
        new=request.query_params.get("new") == "1",
        corrected=request.query_params.get("corrected") == "1",
        wording=wording,
    )
