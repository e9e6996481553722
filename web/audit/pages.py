"""The auditor's pages. Each look at a file is recorded in the file, by records' API."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.http.routes import Page
from bmt.contracts.http.records import (
    ConformanceReport,
    RecordItem,
    RecordState,
    RecordVerification,
)
from bmt.contracts.values import GONE
from web import figures
from web.audit import wording
from web.audit.timeline import File, history, timeline, warnings_of
from web.clients import FILE_SECONDS, address
from web.ports import Admitted, Ports, Visit
from web.site import Area
from web.steps import Due, Facts, StepName, due_of, outcome_of, steps_of

PREFIX: Final = "/audit"
_CRITERIA: Final = ("q", "agency", "status", "from", "to", "limit", "cursor")
_PERIOD: Final = ("agency", "from", "to")
Visitor = Annotated[Visit, Depends(Admitted("auditor", "administrator"))]

router = APIRouter()


@router.get("/")
async def search(visit: Visitor) -> Response:
    params = _params_of(visit.request, _CRITERIA)
    found = await visit.client.get("records", address("records"), Page[RecordItem], params)
    return visit.page(
        "search.html",
        found=found.items,
        more=_next(visit.request, found.next_cursor),
        first_page=not params["cursor"],
        params=params,
        agencies=_choice_of(visit),
    )


@router.get("/records/{request_id}")
async def record(visit: Visitor, request_id: str, version: str = "") -> Response:
    params = {"version": version}
    file = await visit.client.get("records", address("records", request_id), File, params)
    past_steps, decision = history(file), file.state.decision
    granted = decision.approved.quota_bytes if decision and decision.approved else None
    happened = timeline(file.events)
    facts = Facts(dues=_dues(visit.here, file.state), on_paper=file.state.reply_through != "email")
    return visit.page(
        "record.html",
        file=file,
        steps=steps_of(file.state.status, past_steps, facts),
        result=outcome_of(file.state.status, past_steps, granted),
        happenings=happened,
        warned=warnings_of(happened),
        approvals=[given for one in happened for given in one.endorsements],
        as_it_was=bool(version),
        agency=visit.here.agencies.name_of(file.state.agency),
    )


def _dues(here: Ports, state: RecordState) -> Mapping[StepName, Due]:
    """When the decision is due; a file records no other due date."""
    if state.due_at is None:
        return {}
    return {"decided": due_of(state.due_at, here.clock(), here.rules_of(state.agency))}


@router.get("/records/{request_id}/verification")
async def verification(visit: Visitor, request_id: str) -> Response:
    found = await visit.client.get(
        "records",
        address("records", request_id, "verification"),
        RecordVerification,
        seconds=FILE_SECONDS,
    )
    return visit.page("verification.html", found=found)


@router.get("/records/{request_id}/bundle")
async def bundle(visit: Visitor, request_id: str) -> Response:
    return await visit.client.forward("records", address("records", request_id, "bundle"))


@router.get("/documents/{document_id}")
async def document(visit: Visitor, document_id: str) -> Response:
    return await visit.client.forward("records", address("documents", document_id))


@router.get("/conformance")
async def conformance(visit: Visitor) -> Response:
    params = _params_of(visit.request, _PERIOD)
    report = None
    if all(params.values()):
        path = address("conformance")
        report = await visit.client.get(
            "records", path, ConformanceReport, params, seconds=FILE_SECONDS
        )
    today = visit.here.clock().astimezone(MALAYSIA).date()
    agency = params["agency"]
    first = params["from"] or today.replace(day=1).isoformat()
    last = params["to"] or today.isoformat()
    period = urlencode({"agency": agency, "from": first, "to": last})
    return visit.page(
        "conformance.html",
        report=report,
        agency=agency,
        first=first,
        last=last,
        agencies=_choice_of(visit),
        other={form: f"{PREFIX}/conformance/{form}?{period}" for form in ("csv", "pdf")},
    )


@router.get("/conformance/{form}")
async def report(visit: Visitor, form: Literal["csv", "pdf"]) -> Response:
    params = {**_params_of(visit.request, _PERIOD), "format": form}
    return await visit.client.forward("records", address("conformance"), params)


def _params_of(request: Request, names: tuple[str, ...]) -> dict[str, str]:
    return {name: request.query_params.get(name, "") for name in names}


def _choice_of(visit: Visit) -> Mapping[str, str]:
    """The agencies to choose from: code and name. Auditors without an agency see all."""
    visitor, agencies = visit.visitor, visit.here.agencies
    if visitor.agency or not visitor.has("auditor"):
        return {visitor.agency: agencies.name_of(visitor.agency)}
    codes = sorted(agency.code for agency in agencies)
    return {code: agencies.name_of(code) for code in codes}


def _next(request: Request, cursor: str | None) -> str | None:
    """The address of the page after this one."""
    if cursor is None:
        return None
    parameters = request.query_params.multi_items()
    others = [(name, value) for name, value in parameters if name != "cursor" and value]
    return "?" + urlencode([*others, ("cursor", cursor)])


AREA: Final = Area(
    PREFIX,
    Path(__file__).parent,
    [router, figures.router("auditor", "administrator")],
    roles=("auditor",),
    always={"wording": wording, "gone": GONE},
)
