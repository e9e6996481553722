"""The page that uploads scans and downloads printed forms."""

from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.intake import ScanAccepted
from bmt.contracts.problems import FieldError, Refused
from web.clients import VisitorClient, address
from web.console import wording
from web.forms import FormWrong, Sent, all_told, faults_of, new_key, refusal
from web.ports import Administrator, Visit
from web.uploads import file_of

router = APIRouter(prefix="/scans")

SCAN: Final = "scan"

Sheet = Literal["application", "termination", "cover-memo", "cover-letter"]
_NO_FILE: Final = FieldError.of(f"/{SCAN}", "choose_file")


@router.get("")
async def form(visit: Administrator) -> Response:
    return _page(visit)


@router.post("")
async def hand_in(visit: Administrator) -> Response:
    told = await visit.form()
    channel = told.text("channel")
    try:
        accepted = await _handed_in(visit.client, told, channel)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        key = new_key() if refused.problem == "idempotency_key_reused" else told.key
        return _page(visit, refused, channel=channel, key=key)
    return _page(visit, accepted=accepted)


@router.get("/{kind}.pdf")
async def sheet(visit: Administrator, kind: Sheet) -> Response:
    asked = {"agency": visit.visitor.agency}
    content = await visit.client.download("intake", address("forms", f"{kind}.pdf"), asked)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _page(visit: Visit, refused: Refused | None = None, **told: Any) -> Response:
    """The form keeps its key until the upload is known to have succeeded."""
    rules = visit.here.rules_of(visit.visitor.agency)
    return visit.page(
        "scans.html",
        received_by=rules.channels.in_ if rules else (),
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
