"""The form and its answer. The code is in no address, so no proxy logs it and no browser remembers it."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from bmt.contracts.http.intake import PublicStatus
from bmt.contracts.problems import Refused
from web.clients import address
from web.forms import KEEP, new_key, read
from web.ports import Here, Ports
from web.site import Area
from web.status import wording
from web.steps import NOW, Facts, PastStep, due_of, outcome_of, steps_of

_MOST_BYTES: Final = 4096
_LONGEST: Final = 100

Reference = Annotated[str, Query(max_length=_LONGEST)]

router = APIRouter()
AREA = Area("/status", Path(__file__).parent, [router], is_public=True)


@router.get("/")
async def ask(here: Here, request: Request, reference: Reference = "") -> Response:
    return _form(here, request, reference)


@router.post("/")
async def answer(here: Here, request: Request) -> Response:
    client = here.status_limits.admit(request)
    form = await read(request, _MOST_BYTES, most_files=0)
    reference, code = form.text("reference")[:_LONGEST], form.text("code")[:_LONGEST]
    if form.text(KEEP):
        wrong = Refused(problem="not_found") if form.text("was_wrong") else None
        return _form(here, request, reference, code, wrong)
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
        return _form(here, request, reference, code, refused)
    here.status_limits.was_right(guess)
    agency, now = found.agency or "", here.clock()
    rules = here.rules_of(agency)
    step, past_steps = NOW.get(found.status), [PastStep(one.step, one.at) for one in found.steps]
    due = due_of(found.due_at, now, rules) if found.due_at else None
    on_paper = found.reply_through not in (None, "email")
    facts = Facts(dues={step: due} if step and due else {}, on_paper=on_paper)
    return here.layout.page(
        request,
        "status_found.html",
        code=code,
        found=found,
        steps=steps_of(found.status, past_steps, facts),
        due=due,
        now_step=step,
        result=outcome_of(found.status, past_steps),
        agency=here.agencies.name_of(agency),
        wording=wording,
    )


def _form(
    here: Ports, request: Request, reference: str, code: str = "", refused: Refused | None = None
) -> Response:
    return here.layout.page(request, "status.html", reference=reference, code=code, refused=refused)
