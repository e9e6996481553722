"""The page that uploads scans and downloads printed forms."""

from typing import Any, Final, Literal

from fastapi import APIRouter
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.contracts.http.intake import ScanAccepted
from bmt.contracts.problems import FieldError, Refused
from web.clients import VisitorClient, address
from web.console import wording
from web.forms import FormWrong, SubmittedForm, faults_of, field_faults, new_key, refusal
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
    form = await visit.form()
    channel = form.text("channel")
    try:
        accepted = await _upload_scan(visit.client, form, channel)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        key = new_key() if refused.problem == "idempotency_key_reused" else form.key
        return _page(visit, refused, channel=channel, key=key)
    return _page(visit, accepted=accepted)


@router.get("/{kind}.pdf")
async def sheet(visit: Administrator, kind: Sheet) -> Response:
    params = {"agency": visit.visitor.agency}
    content = await visit.client.download("intake", address("forms", f"{kind}.pdf"), params)
    headers = {"Content-Disposition": f'attachment; filename="{kind}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _page(visit: Visit, refused: Refused | None = None, **context: Any) -> Response:
    """The form keeps its key until the upload is known to have succeeded."""
    rules = visit.here.rules_of(visit.visitor.agency)
    return visit.page(
        "scans.html",
        received_by=rules.channels.in_ if rules else (),
        refused=refused,
        faults=faults_of(refused),
        field_faults=field_faults(refused),
        **{"accepted": None, "channel": "", "key": new_key(), **context},
    )


async def _upload_scan(client: VisitorClient, form: SubmittedForm, channel: str) -> ScanAccepted:
    if not (files := form.files(SCAN)):
        raise FormWrong(errors=(_NO_FILE,))
    params = {"channel": channel} if channel in wording.CHANNEL else {}
    scan = file_of(files[0], form)
    return await client.send("intake", address("scans"), scan, ScanAccepted, form.key, params)
