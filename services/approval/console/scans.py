"""The page that uploads scans and downloads printed forms."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.contracts.http.intake import ScanAccepted
from bmt.contracts.problems import FieldError, Refused
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.console.uploads import file_of
from web.clients import VisitorClient, address
from web.forms import FORM_BYTES, FormWrong, Sent, all_told, faults_of, new_key, read

SCAN: Final = "scan"
MOST_BYTES: Final = 100 * 1024 * 1024
"""The page's limit; the settings of intake may be stricter."""


Sheet = Literal["application", "termination", "cover-memo", "cover-letter"]
_NO_FILE: Final = FieldError.of(f"/{SCAN}", "choose_file")


def routes(desk: Desk) -> APIRouter:
    """The pages below `/scans`."""
    routes = APIRouter(prefix="/scans", dependencies=[Depends(desk.admitted)])

    def shown(
        request: Request, visitor: Principal, refused: Refused | None = None, **told: Any
    ) -> Response:
        """The form keeps its key until the upload is known to have succeeded."""
        known = visitor.agency in desk.agencies
        return desk.layout.page(
            request,
            "scans.html",
            received_by=desk.agencies.get(visitor.agency).rules.channels.in_ if known else (),
            refused=refused,
            faults=faults_of(refused),
            told=all_told(refused),
            wording=wording,
            **{"accepted": None, "channel": "", "key": new_key(), **told},
        )

    @routes.get("")
    async def form(
        request: Request, visitor: Annotated[Principal, Depends(desk.admitted)]
    ) -> Response:
        return shown(request, visitor)

    @routes.post("")
    async def hand_in(
        request: Request, visitor: Annotated[Principal, Depends(desk.admitted)]
    ) -> Response:
        told = await read(request, FORM_BYTES + MOST_BYTES, 1)
        channel = told.text("channel")
        try:
            accepted = await _handed_in(desk.client(request), told, channel)
        except Unavailable:
            # It may have succeeded: a retry must not create it twice.
            away = Refused(problem="unavailable")
            return shown(request, visitor, away, channel=channel, key=told.key)
        except Refused as refused:
            key = new_key() if refused.problem == "idempotency_key_reused" else told.key
            return shown(request, visitor, refused, channel=channel, key=key)
        return shown(request, visitor, accepted=accepted)

    @routes.get("/{kind}.pdf")
    async def sheet(
        request: Request, kind: Sheet, visitor: Annotated[Principal, Depends(desk.admitted)]
    ) -> Response:
        content = await desk.client(request).download(
            "intake", address("forms", f"{kind}.pdf"), {"agency": visitor.agency}
        )
        headers = {"Content-Disposition": f'attachment; filename="{kind}.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)

    return routes


async def _handed_in(visitor_client: VisitorClient, told: Sent, channel: str) -> ScanAccepted:
    if not (files := told.files(SCAN)):
        raise FormWrong(errors=(_NO_FILE,))
    asked = {"channel": channel} if channel in wording.CHANNEL else {}
    scan = file_of(files[0])
    return await visitor_client.send(
        "intake", address("scans"), scan, ScanAccepted, told.key, asked
    )
