"""The page of scans."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.register import Agencies
from bmt.chassis.auth import Principal
from bmt.contracts.http.intake import ScanAccepted
from bmt.contracts.problems import STATUS, FieldError, Refused
from bmt.pages.forms import FORM_BYTES, FormWrong, Sent, faults_of, new_key, read
from bmt.pages.layout import Layout
from bmt.pages.login import Admitted
from services.approval.console import wording
from services.approval.console.neighbours import Errand, Neighbours
from services.approval.console.uploads import file_of

SCAN: Final = "scan"
MOST_BYTES: Final = 100 * 1024 * 1024
"""Intake takes in as many as its settings say, and this page no more than that."""

_OK: Final = 200

Sheet = Literal["application", "termination", "cover-memo", "cover-letter"]
_NO_FILE: Final = FieldError(pointer=f"/{SCAN}", detail="Choose a file.")


def routes(
    layout: Layout, neighbours: Neighbours, agencies: Agencies, admitted: Admitted
) -> APIRouter:
    """The pages below `/scans`."""
    routes = APIRouter(prefix="/scans", dependencies=[Depends(admitted)])

    def shown(
        request: Request, visitor: Principal, refused: Refused | None = None, **told: Any
    ) -> Response:
        known = visitor.agency in agencies
        return layout.page(
            request,
            "scans.html",
            STATUS[refused.problem] if refused else _OK,
            received_by=agencies.get(visitor.agency).rules.channels.in_ if known else (),
            key=new_key(),
            refused=refused,
            faults=faults_of(refused),
            wording=wording,
            **{"accepted": None, "channel": "", **told},
        )

    @routes.get("")
    async def form(request: Request, visitor: Annotated[Principal, Depends(admitted)]) -> Response:
        return shown(request, visitor)

    @routes.post("")
    async def hand_in(
        request: Request, visitor: Annotated[Principal, Depends(admitted)]
    ) -> Response:
        told = await read(request, FORM_BYTES + MOST_BYTES, 1)
        channel = told.text("channel")
        try:
            accepted = await _handed_in(neighbours.errand(request), told, channel)
        except Refused as refused:
            return shown(request, visitor, refused, channel=channel)
        return shown(request, visitor, accepted=accepted)

    @routes.get("/{kind}.pdf")
    async def sheet(
        request: Request, kind: Sheet, visitor: Annotated[Principal, Depends(admitted)]
    ) -> Response:
        address = f"/v1/forms/{kind}.pdf?agency={visitor.agency}"
        content = await neighbours.errand(request).download("intake", address)
        headers = {"Content-Disposition": f'attachment; filename="{kind}.pdf"'}
        return Response(content, media_type="application/pdf", headers=headers)

    return routes


async def _handed_in(errand: Errand, told: Sent, channel: str) -> ScanAccepted:
    """The papers, which wait in the inbox now.

    Raises:
        Refused: there is no file, or intake does not take it in.
    """
    if not (files := told.files(SCAN)):
        raise FormWrong(errors=(_NO_FILE,))
    address = f"/v1/scans?channel={channel}" if channel in wording.CHANNEL else "/v1/scans"
    return await errand.send("intake", address, file_of(files[0]), ScanAccepted, told.key)
