"""The page that uploads scans and downloads printed forms."""

from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.contracts.http.intake import ScanAccepted
from bmt.contracts.problems import FieldError, Refused
from web.clients import VisitorClient, address
from web.console import wording
from web.console.access import Administrator
from web.forms import FormWrong, Sent, all_told, faults_of, new_key
from web.ports import Client, Here, Ports
from web.uploads import file_of

router = APIRouter(prefix="/scans")

SCAN: Final = "scan"

Sheet = Literal["application", "termination", "cover-memo", "cover-letter"]
_NO_FILE: Final = FieldError.of(f"/{SCAN}", "choose_file")


@router.get("")
async def form(request: Request, here: Here, visitor: Administrator) -> Response:
    return _page(here, request, visitor)


@router.post("")
async def hand_in(request: Request, here: Here, visitor: Administrator, client: Client) -> Response:
    told = await here.uploads.read(request, client)
    channel = told.text("channel")
    try:
        accepted = await _handed_in(client, told, channel)
    except Unavailable:
        # It may have succeeded: a retry must not create it twice.
        away = Refused(problem="unavailable")
        return _page(here, request, visitor, away, channel=channel, key=told.key)
    except Refused as refused:
        key = new_key() if refused.problem == "idempotency_key_reused" else told.key
        return _page(here, request, visitor, refused, channel=channel, key=key)
    return _page(here, request, visitor, accepted=accepted)


@router.get("/{kind}.pdf")
async def sheet(kind: Sheet, visitor: Administrator, client: Client) -> Response:
    asked = {"agency": visitor.agency}
    content = await client.download("intake", address("forms", f"{kind}.pdf"), asked)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _page(
    here: Ports,
    request: Request,
    visitor: Principal,
    refused: Refused | None = None,
    **told: Any,
) -> Response:
    """The form keeps its key until the upload is known to have succeeded."""
    known = visitor.agency in here.agencies
    return here.layout.page(
        request,
        "scans.html",
        received_by=here.agencies.get(visitor.agency).rules.channels.in_ if known else (),
        refused=refused,
        faults=faults_of(refused),
        told=all_told(refused),
        **{"accepted": None, "channel": "", "key": new_key(), **told},
    )


async def _handed_in(client: VisitorClient, told: Sent, channel: str) -> ScanAccepted:
    if not (files := told.files(SCAN)):
        raise FormWrong(errors=(_NO_FILE,))
    asked = {"channel": channel} if channel in wording.CHANNEL else {}
    scan = file_of(files[0], told)
    return await client.send("intake", address("scans"), scan, ScanAccepted, told.key, asked)
