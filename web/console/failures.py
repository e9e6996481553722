"""What waits for a person: configurations that failed, what targets show otherwise, and notices that did not arrive."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Page
from bmt.contracts.http.notification import WaitingNotification
from bmt.contracts.http.provisioning import Drift, DriftRuled, DriftRuling, Failure
from bmt.contracts.problems import Refused
from web.clients import VisitorClient, address, part
from web.console import desk, wording
from web.console.access import Administrator
from web.console.desk import Listing, Place, Where
from web.console.forms import Form
from web.console.worklist import named
from web.forms import Sent, new_key, validated
from web.ports import Client, Here, Ports

router = APIRouter()

_CONFIGURATIONS: Final = address("failures")
_NOTICES: Final = address("notifications")
_DRIFT: Final = address("drift")
_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class FailureListing(Listing):
    """The order of both lists."""

    order: Annotated[Literal["due_at", "name"], Query()] = "due_at"

    def asked_of_notices(self) -> Mapping[str, Any]:
        """As `asked`, of notification: notices wait since a time, for somebody."""
        order = "recipient" if self.order == "name" else "wanted_since"
        return {**self.asked(), "order": order, "status": "failed"}


Only = Annotated[FailureListing, Depends()]


@router.get("/failures")
async def listed(
    request: Request, here: Here, _: Administrator, client: Client, only: Only, place: Where
) -> Response:
    """With the first of the differences, whose file has all, and of the notices, whose list has all."""
    return await _list(here, request, client, only, place)


async def _list(
    here: Ports,
    request: Request,
    client: VisitorClient,
    only: FailureListing,
    place: Place,
    told: Sent | None = None,
    refused: Refused | None = None,
) -> Response:
    first = {**only.asked_of_notices(), "limit": desk.COUNTED}
    is_open = {"status": "open", "limit": desk.COUNTED}
    page, drift, notices, tabs = await asyncio.gather(
        client.get(
            "provisioning", _CONFIGURATIONS, Page[Failure], {**only.asked(), **asdict(place)}
        ),
        part(client.get("provisioning", _DRIFT, Page[Drift], is_open)),
        part(client.get("notification", _NOTICES, Page[WaitingNotification], first)),
        desk.tabs(client),
    )
    about = {one.request_id for one in (*page.items, *(notices.items if notices else ()))}
    return here.layout.page(
        request,
        "failures.html",
        found=page.items,
        drift=drift,
        told=told,
        refused=refused,
        new_key=new_key,
        notices=notices,
        names=await named(client, sorted(about)),
        more=page.next_cursor,
        only=only,
        tabs=tabs,
        now=here.clock(),
    )


@router.post("/failures")
async def rule_on_drift(
    request: Request, here: Here, _: Administrator, client: Client, told: Form, only: Only
) -> Response:
    try:
        body = {"decision": told.text("do"), "reason": told.text("reason").strip()}
        ruling = validated(DriftRuling, body).model_dump(mode="json")
        path = address("requests", told.text("request_id"), "drift")
        await client.post("provisioning", path, ruling, DriftRuled, told.key)
    except Refused as refused:
        return await _list(here, request, client, only, Place(), told, refused)
    except Unavailable:
        # It may have succeeded: the form keeps its key.
        away = Refused(problem="unavailable")
        return await _list(here, request, client, only, Place(), told, away)
    return RedirectResponse(f"{request.url.path}#drift", _SEE_OTHER)


@router.get("/failures/drift.csv")
async def drift_report(client: Client, _: Administrator) -> Response:
    return await client.passed_on("provisioning", address("drift", "report"))


@router.get("/failures.csv")
async def exported(
    request: Request, here: Here, _: Administrator, client: Client, only: Only
) -> Response:
    language = here.layout.language(request)
    found, notices = await asyncio.gather(
        desk.everything(client, "provisioning", _CONFIGURATIONS, Page[Failure], only.asked()),
        desk.everything(
            client,
            "notification",
            _NOTICES,
            Page[WaitingNotification],
            only.asked_of_notices(),
        ),
    )
    ids = {one.request_id for one in found} | {one.request_id for one in notices}
    names = await named(client, sorted(ids))

    def told(
        one: Failure | WaitingNotification, what: str, where: str | None
    ) -> tuple[object, ...]:
        name = names[one.request_id].applicant.name if one.request_id in names else None
        return (
            *(language.text(what), name, one.due_at, language.text(where) if where else None),
            *(language.sentence(one.code) if one.code else None, one.reference),
        )

    rows = [
        *(
            told(one, "Konfigurasi gagal", one.target and wording.TARGET[one.target])
            for one in found
        ),
        *(told(one, "Makluman tidak sampai", wording.CHANNEL[one.channel]) for one in notices),
    ]
    return desk.as_file("failures", wording.EXPORTED["failures"], rows, language)
