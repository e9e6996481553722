"""The pages of one's own requests: the list with drafts, one request with its withdrawal, and papers to print."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, get_args

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from bmt.chassis.http.routes import Id, Page
from bmt.contracts.http.intake import LastSubmission, RequestStatus, WithdrawalAccepted
from bmt.contracts.http.provisioning import ConfigurationState
from bmt.contracts.problems import Refused
from bmt.contracts.values import Kind, PostedChannel
from web.clients import VisitorClient, address, part
from web.forms import KEEP, Form, SubmittedForm, faults_of, field_faults, new_key
from web.my import wording
from web.my.drafts import Draft
from web.ports import Admitted, Visit
from web.steps import NOW, Facts, Outcome, Step, away_of, due_of, outcome_of, person, steps_of

MAY_CORRECT: Final = ("received", "returned")
"""The statuses in which a request can be corrected or withdrawn."""

Visitor = Annotated[Visit, Depends(Admitted("applicant", "administrator"))]
Cursor = Annotated[str | None, Query(max_length=1024)]

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """A request in a list.

    Attributes:
        now: the step that it waits for; None: it is done.
    """

    one: RequestStatus
    result: Outcome
    now: Step | None


@router.get("/")
async def listed(visit: Visitor, cursor: Cursor = None) -> Response:
    params = {"mine": True, "cursor": cursor}
    found, drafts = await asyncio.gather(
        visit.client.get("intake", address("requests"), Page[RequestStatus], params),
        _drafts(visit),
    )
    return visit.page(
        "requests.html",
        drafts=drafts,
        found=[line_of(visit, one) for one in found.items],
        more=found.next_cursor,
        papers=_papers(visit),
        wording=wording,
    )


async def _drafts(visit: Visit) -> Mapping[Kind, Draft]:
    kinds: tuple[Kind, ...] = get_args(Kind)
    found = await asyncio.gather(
        *(visit.here.drafts.find(visit.visitor.subject, kind) for kind in kinds)
    )
    return {kind: draft for kind, draft in zip(kinds, found, strict=True) if draft}


def line_of(visit: Visit, one: RequestStatus) -> Line:
    steps = _steps(visit, one)
    now = next((step for step in steps if step.state in ("now", "failed")), None)
    return Line(one, _outcome(one), now)


def _steps(
    visit: Visit, one: RequestStatus, configuration: ConfigurationState | None = None
) -> Sequence[Step]:
    rules = visit.here.rules_of(one.agency)
    step = NOW.get(one.status)
    due = due_of(one.due_at, visit.here.clock(), rules) if one.due_at else None
    facts = Facts(
        names={one.applicant.account.casefold(): one.applicant.name},
        unnamed=visit.language.text(wording.OFFICER),
        dues={step: due} if step and due else {},
        on_paper=one.reply_through != "email",
        away=away_of(configuration),
    )
    return steps_of(one.status, one.steps, facts)


def _outcome(one: RequestStatus) -> Outcome:
    return outcome_of(one.status, one.steps, one.granted.quota_bytes if one.granted else None)


def _papers(visit: Visit) -> Sequence[PostedChannel]:
    """The blank papers that the visitor can print, by channel."""
    rules, visitor = visit.here.rules_of(visit.visitor.agency), visit.visitor
    printed = ("form", "memo", "letter") if visitor.has("administrator") else ("form",)
    received = rules.channels.in_ if rules else ()
    return tuple(channel for channel in received if channel in printed)


@router.get("/papers/{name}.pdf")
async def blank_paper(visit: Visitor, name: Id) -> Response:
    """A paper of the visitor's own agency."""
    path = address("forms", f"{name}.pdf")
    return await visit.client.forward("intake", path, {"agency": visit.visitor.agency})


@router.get("/requests/{request_id}")
async def one(visit: Visitor, request_id: Id) -> Response:
    return await request_page(visit, request_id)


@router.get("/requests/{request_id}/documents/{document_id}")
async def document(visit: Visitor, request_id: Id, document_id: Id) -> Response:
    await own(visit.client, request_id)
    path = address("requests", request_id, "documents", document_id)
    return await visit.client.forward("intake", path)


@router.post("/requests/{request_id}")
async def withdraw(visit: Visitor, request_id: Id, form: Form) -> Response:
    if form.text(KEEP):
        return await request_page(visit, request_id, form=form)
    await own(visit.client, request_id)
    path = address("requests", request_id, "withdrawal")
    reason = {"reason": form.text("reason").strip()}
    try:
        await visit.client.post("intake", path, reason, WithdrawalAccepted, form.key)
    except Refused as refused:
        return await request_page(visit, request_id, refused, form)
    return visit.redirect(f"{visit.here.layout.prefix}/requests/{request_id}")


async def own(client: VisitorClient, request_id: str) -> RequestStatus:
    """A request of the visitor's own account, whatever else they may read.

    Raises:
        Refused: `not_found`.
    """
    path = address("requests", request_id)
    return await client.get("intake", path, RequestStatus, {"mine": True})


async def request_page(
    visit: Visit, request_id: str, refused: Refused | None = None, form: SubmittedForm | None = None
) -> Response:
    """One request; `form` is the submitted form of its withdrawal."""
    path = address("requests", request_id, "submission")
    found, handed_in = await asyncio.gather(
        own(visit.client, request_id), part(visit.client.get("intake", path, LastSubmission))
    )
    configuration = None
    if found.status in ("approved", "configuring"):
        path = address("requests", request_id, "configuration")
        configuration = await part(visit.client.get("provisioning", path, ConfigurationState))
    steps = _steps(visit, found, configuration)
    unnamed = visit.language.text(wording.OFFICER)
    names = {found.applicant.account.casefold(): found.applicant.name}
    return visit.page(
        "request.html",
        one=found,
        handed_in=handed_in,
        steps=steps,
        due=next((step for step in steps if step.due), None),
        result=_outcome(found),
        person=lambda by: person(by, names, unnamed),
        may_withdraw=found.status in MAY_CORRECT,
        agency=visit.here.agencies.name_of(found.agency),
        key=new_key(),
        reason=form.text("reason") if form else "",
        refused=refused,
        faults=faults_of(refused),
        field_faults=field_faults(refused),
        new=visit.request.query_params.get("new") == "1",
        corrected=visit.request.query_params.get("corrected") == "1",
        wording=wording,
    )
