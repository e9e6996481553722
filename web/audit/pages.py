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
from web.audit.timeline import File, history, timeline, weighed
from web.clients import FILE_SECONDS, address
from web.ports import Admitted, Ports, Visit
from web.site import Area
from web.steps import Due, Known, StepName, due_of, outcome_of, steps_of

PREFIX: Final = "/audit"
_CRITERIA: Final = ("q", "agency", "status", "from", "to", "limit", "cursor")
_PERIOD: Final = ("agency", "from", "to")
Visitor = Annotated[Visit, Depends(Admitted("auditor", "administrator"))]

router = APIRouter()


@router.get("/")
async def search(visit: Visitor) -> Response:
    criteria = _asked(visit.request, _CRITERIA)
    found = await visit.client.get("records", address("records"), Page[RecordItem], criteria)
    return visit.page(
        "search.html",
        found=found.items,
        more=_next(visit.request, found.next_cursor),
        first_page=not criteria["cursor"],
        asked=criteria,
        agencies=_choice_of(visit),
    )


@router.get("/records/{request_id}")
async def record(visit: Visitor, request_id: str, version: str = "") -> Response:
    asked = {"version": version}
    file = await visit.client.get("records", address("records", request_id), File, asked)
    taken, decision = history(file), file.state.decision
    granted = decision.approved.quota_bytes if decision and decision.approved else None
    happened = timeline(file.events)
    known = Known(dues=_dues(visit.here, file.state), on_paper=file.state.reply_through != "email")
    return visit.page(
        "record.html",
        file=file,
        steps=steps_of(file.state.status, taken, known),
        result=outcome_of(file.state.status, taken, granted),
        happenings=happened,
        warned=weighed(happened),
        approvals=[given for one in happened for given in one.endorsements],
        as_it_was=bool(version),
        agency=visit.here.agencies.name_of(file.state.agency),
    )


def _dues(here: Ports, state: RecordState) -> Mapping[StepName, Due]:
    """When the decision is promised; the file tells no other promise."""
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
    return await visit.client.passed_on("records", address("records", request_id, "bundle"))


@router.get("/documents/{document_id}")
async def document(visit: Visitor, document_id: str) -> Response:
    return await visit.client.passed_on("records", address("documents", document_id))


@router.get("/conformance")
async def conformance(visit: Visitor) -> Response:
    asked = _asked(visit.request, _PERIOD)
    made = None
    if all(asked.values()):
        report = address("conformance")
        made = await visit.client.get(
            "records", report, ConformanceReport, asked, seconds=FILE_SECONDS
        )
    today = visit.here.clock().astimezone(MALAYSIA).date()
    agency = asked["agency"]
    first = asked["from"] or today.replace(day=1).isoformat()
    last = asked["to"] or today.isoformat()
    period = urlencode({"agency": agency, "from": first, "to": last})
    return visit.page(
        "conformance.html",
        made=made,
        agency=agency,
        first=first,
        last=last,
        agencies=_choice_of(visit),
        other={form: f"{PREFIX}/conformance/{form}?{period}" for form in ("csv", "pdf")},
    )


@router.get("/conformance/{form}")
async def report(visit: Visitor, form: Literal["csv", "pdf"]) -> Response:
    asked = {**_asked(visit.request, _PERIOD), "format": form}
    return await visit.client.passed_on("records", address("conformance"), asked)


def _asked(request: Request, names: tuple[str, ...]) -> dict[str, str]:
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
    kept = [(name, value) for name, value in parameters if name != "cursor" and value]
    return "?" + urlencode([*kept, ("cursor", cursor)])


AREA: Final = Area(
    PREFIX,
    Path(__file__).parent,
    [router, figures.router("auditor", "administrator")],
    roles=("auditor",),
    always={"wording": wording, "gone": GONE},
)
