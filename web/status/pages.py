"""The form and its answer. The code is in no address, so it is in no proxy's log and no history."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.contracts.http.intake import PublicStatus
from bmt.contracts.problems import Refused
from web.clients import address
from web.forms import new_key, read
from web.ports import Here
from web.site import Area
from web.status import wording

_MOST_BYTES: Final = 4096
_LONGEST: Final = 100

Reference = Annotated[str, Query(max_length=_LONGEST)]

router = APIRouter()
AREA = Area("/status", Path(__file__).parent, [router], is_public=True)


@router.get("/")
async def ask(here: Here, request: Request, reference: Reference = "") -> Response:
    return here.layout.page(request, "status.html", reference=reference, refused=None)


@router.post("/")
async def answer(here: Here, request: Request) -> Response:
    client = here.status_limits.admit(request)
    form = await read(request, _MOST_BYTES, most_files=0)
    reference, code = form.text("reference")[:_LONGEST], form.text("code")[:_LONGEST]
    guess = here.status_limits.guess(client, reference)
    body = {"reference": reference, "code": code}
    path = address("status-lookups")
    try:
        found = await here.clients.public_client().post(
            "intake", path, body, PublicStatus, new_key()
        )
    except Refused as refused:
        if refused.problem != "not_found":
            raise
        return here.layout.page(request, "status.html", reference=reference, refused=refused)
    here.status_limits.was_right(guess)
    return here.layout.page(
        request,
        "status_found.html",
        code=code,
        found=found,
        ahead=wording.AHEAD.get(found.status, ()),
        wording=wording,
    )
