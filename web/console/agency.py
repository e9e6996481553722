"""The pages of the agency's rules: those in force in words, their history, and the form that changes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bmt.agencies.agency import AgencyRules
from bmt.agencies.charter import day_of
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Page
from bmt.contracts.http.approval import RulesNow, RulesPreview, RulesVersion
from bmt.contracts.problems import Refused
from web.clients import VisitorClient, address
from web.console import rules_form
from web.console.deciding import directory_names
from web.console.forms import Form
from web.console.rules_form import RulesForm
from web.console.rules_words import Difference, differences, in_words
from web.forms import all_told, new_key
from web.language import Language
from web.login import Admitted
from web.ports import Client, Here, Ports

Reader = Annotated[Principal, Depends(Admitted("administrator", "agency_manager"))]
MANAGER: Final = Depends(Admitted("agency_manager"))
Number = Annotated[int | None, Query(ge=1, le=1_000_000)]

MOST_SHOWN: Final = 50
OWN_RULES: Final = address("agencies", "own", "rules")
_SEE_OTHER: Final = 303

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Entry:
    """A version and how it differs from the one before."""

    version: RulesVersion
    differences: Sequence[Difference]


@router.get("/rules")
async def moved(request: Request, here: Here) -> Response:
    """The page's address before it could change anything."""
    return RedirectResponse(f"{here.layout.prefix}/agency/", 308)


@router.get("/agency/")
async def agency(
    request: Request,
    here: Here,
    visitor: Reader,
    client: Client,
    older: Number = None,
    newer: Number = None,
) -> Response:
    return await _agency_page(here, request, visitor, client, older=older, newer=newer)


async def _agency_page(
    here: Ports,
    request: Request,
    visitor: Principal,
    client: VisitorClient,
    *,
    older: int | None = None,
    newer: int | None = None,
    refused: Refused | None = None,
    why: str = "",
) -> Response:
    now = await client.get("approval", OWN_RULES, RulesNow)
    path = address("agencies", visitor.agency, "rules")
    asked = {"limit": MOST_SHOWN + 1}
    found = (await client.get("approval", path, Page[RulesVersion], asked)).items
    language = here.layout.language(request)
    by_number = {one.number: one for one in found}
    first, second = by_number.get(older or 0), by_number.get(newer or 0)
    pair = (first, second) if first and second else ()
    return here.layout.page(
        request,
        "agency.html",
        now_=now,
        facts=in_words(now.in_force.rules, language),
        of_file={one.label for one in _otherwise(now.in_force, language)},
        waiting=_entry(now.in_force, now.waiting, language) if now.waiting else None,
        history=_history(found, language),
        versions=[one.number for one in found],
        pair=pair,
        compared=differences(pair[0].rules, pair[1].rules, language) if pair else (),
        key=new_key(),
        refused=refused,
        told=all_told(refused),
        faults={one.field: one.fault for one in all_told(refused)},
        why=why,
    )


@router.get("/agency/change", dependencies=[MANAGER])
async def form(request: Request, here: Here, client: Client) -> Response:
    now = await client.get("approval", OWN_RULES, RulesNow)
    today = day_of(here.clock())
    rules = AgencyRules.model_validate(now.in_force.rules)
    return _form_page(here, request, RulesForm.of_rules(rules, now.number, today), now)


@router.post("/agency/change", dependencies=[MANAGER])
async def act(request: Request, here: Here, client: Client, sent: Form) -> Response:
    """Preview, then send: what is sent is what the preview showed."""
    typed, today = RulesForm.of(sent), day_of(here.clock())
    try:
        match sent.text("do"):
            case "more":
                return _form_page(here, request, typed.with_more_rows())
            case "edit":
                return _form_page(here, request, typed)
            case "send":
                change = typed.change(today)
                await client.post("approval", OWN_RULES, change, RulesVersion, sent.key)
            case _:
                typed = typed.naming(await directory_names(client, typed.unnamed()))
                return await _preview(here, request, client, typed, sent.key)
    except Refused as refused:
        return _form_page(here, request, typed, refused=refused)
    except Unavailable:
        typed = replace(typed, key=sent.key)
        return _form_page(here, request, typed, refused=Refused(problem="unavailable"))
    return RedirectResponse(f"{here.layout.prefix}/agency/", _SEE_OTHER)


@router.post("/agency/withdrawal", dependencies=[MANAGER])
async def withdraw(
    request: Request, here: Here, visitor: Reader, client: Client, sent: Form
) -> Response:
    path = address("agencies", "own", "rules", "withdrawal")
    number = sent.text("number")
    body = {"why": sent.text("why").strip(), "number": int(number) if number.isdecimal() else 0}
    try:
        await client.post("approval", path, body, RulesVersion, sent.key)
    except Refused as refused:
        told = sent.text("why")
        return await _agency_page(here, request, visitor, client, refused=refused, why=told)
    return RedirectResponse(f"{here.layout.prefix}/agency/", _SEE_OTHER)


async def _preview(
    here: Ports, request: Request, client: VisitorClient, typed: RulesForm, key: str
) -> Response:
    path = address("agencies", "own", "rules", "preview")
    today = day_of(here.clock())
    shown = await client.post("approval", path, typed.change(today), RulesPreview, key)
    language = here.layout.language(request)
    return here.layout.page(
        request,
        "agency_preview.html",
        form=typed,
        shown=shown,
        compared=differences(shown.before.rules, shown.after.rules, language),
        today=today,
    )


def _form_page(
    here: Ports,
    request: Request,
    typed: RulesForm,
    now: RulesNow | None = None,
    refused: Refused | None = None,
) -> Response:
    told = typed.told(refused)
    return here.layout.page(
        request,
        "agency_change.html",
        form=typed,
        waits=bool(now and now.waiting),
        refused=refused,
        told=told,
        faults={one.field: one.fault for one in reversed(told)},
        steps=rules_form.STEPS,
        reasons=rules_form.REASONS,
        separation=rules_form.SEPARATION,
        today=day_of(here.clock()),
    )


def _history(found: Sequence[RulesVersion], language: Language) -> Sequence[Entry]:
    """Each version beside the one before it, newest first; the oldest has no differences."""
    later = [_entry(before, after, language) for after, before in pairwise(found)]
    return [*later, *(Entry(first, ()) for first in found[-1:])][:MOST_SHOWN]


def _entry(before: RulesVersion, after: RulesVersion, language: Language) -> Entry:
    return Entry(after, differences(before.rules, after.rules, language))


def _otherwise(version: RulesVersion, language: Language) -> Sequence[Difference]:
    """What agencies.yaml says otherwise."""
    file: Mapping[str, Any] = {**version.rules, **version.file}
    return differences(file, version.rules, language)
