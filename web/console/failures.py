"""What failed and waits for a person: configurations, and notices that did not arrive."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.routes import Page
from bmt.contracts.http.notification import WaitingNotification
from bmt.contracts.http.provisioning import Failure
from web.clients import address, part
from web.console import desk, wording
from web.console.access import Administrator
from web.console.desk import Listing, Where
from web.console.worklist import named
from web.ports import Client, Here

router = APIRouter()

_CONFIGURATIONS: Final = address("failures")
_NOTICES: Final = address("notifications")


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
    """With the first of the notices; the list of notices has all."""
    first = {**only.asked_of_notices(), "limit": desk.COUNTED}
    page, notices, tabs = await asyncio.gather(
        client.get(
            "provisioning", _CONFIGURATIONS, Page[Failure], {**only.asked(), **asdict(place)}
        ),
        part(client.get("notification", _NOTICES, Page[WaitingNotification], first)),
        desk.tabs(client),
    )
    about = {one.request_id for one in (*page.items, *(notices.items if notices else ()))}
    return here.layout.page(
        request,
        "failures.html",
        found=page.items,
        notices=notices,
        names=await named(client, sorted(about)),
        more=page.next_cursor,
        only=only,
        tabs=tabs,
        now=here.clock(),
    )


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
