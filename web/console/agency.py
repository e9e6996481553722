"""The pages of the agency's rules: those in force, their history and differences, and the form that changes them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import RedirectResponse, Response

from bmt.agencies.agency import AgencyRules, Appointment
from bmt.agencies.charter import day_of
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Page
from bmt.contracts.http.approval import RulesNow, RulesPreview, RulesVersion
from bmt.contracts.problems import Refused
from web.clients import address
from web.console import rules_form, wording
from web.console.deciding import directory_names
from web.console.rules_form import RulesForm
from web.forms import Form, field_faults, new_key, refusal
from web.layout import Language
from web.ports import Admitted, Here, Visit

Reader = Annotated[Visit, Depends(Admitted("administrator", "agency_manager"))]
Manager = Annotated[Visit, Depends(Admitted("agency_manager"))]
Number = Annotated[int | None, Query(ge=1, le=1_000_000)]

MOST_SHOWN: Final = 50
OWN_RULES: Final = address("agencies", "own", "rules")

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Fact:
    """One rule: its name in the wording, what it is about, and its value, a line each."""

    rule: str
    label: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that changed, with the lines that were removed and those that were added."""

    label: str
    before: Sequence[str]
    after: Sequence[str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A version and how it differs from the one before."""

    version: RulesVersion
    differences: Sequence[Difference]


@router.get("/rules")
async def moved(here: Here) -> Response:
    """The page's address before it could change anything."""
    return RedirectResponse(f"{here.layout.prefix}/agency/", 308)


@router.get("/agency/")
async def agency(visit: Reader, older: Number = None, newer: Number = None) -> Response:
    return await _agency_page(visit, older=older, newer=newer)


async def _agency_page(
    visit: Visit,
    *,
    older: int | None = None,
    newer: int | None = None,
    refused: Refused | None = None,
    why: str = "",
) -> Response:
    now = await visit.client.get("approval", OWN_RULES, RulesNow)
    path = address("agencies", visit.visitor.agency, "rules")
    params = {"limit": MOST_SHOWN + 1}
    found = (await visit.client.get("approval", path, Page[RulesVersion], params)).items
    language = visit.language
    by_number = {one.number: one for one in found}
    first, second = by_number.get(older or 0), by_number.get(newer or 0)
    pair = (first, second) if first and second else ()
    return visit.page(
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
        field_faults=field_faults(refused),
        faults={one.field: one.fault for one in field_faults(refused)},
        why=why,
    )


@router.get("/agency/change")
async def form(visit: Manager) -> Response:
    now = await visit.client.get("approval", OWN_RULES, RulesNow)
    today = day_of(visit.here.clock())
    rules = AgencyRules.model_validate(now.in_force.rules)
    return _form_page(visit, RulesForm.of_rules(rules, now.number, today), now)


@router.post("/agency/change")
async def act(visit: Manager, form: Form) -> Response:
    """Previews the change, then sends exactly what the preview showed."""
    typed, today = RulesForm.of(form), day_of(visit.here.clock())
    try:
        match form.text("do"):
            case "more":
                return _form_page(visit, typed.with_more_rows())
            case "edit":
                return _form_page(visit, typed)
            case "send":
                change = typed.change(today)
                await visit.client.post("approval", OWN_RULES, change, RulesVersion, form.key)
            case _:
                typed = typed.naming(await directory_names(visit.client, typed.unnamed()))
                return await _preview(visit, typed, form.key)
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        typed = replace(typed, key=form.key_after(refused))
        return _form_page(visit, typed, refused=refused)
    return visit.redirect(f"{visit.here.layout.prefix}/agency/")


@router.post("/agency/withdrawal")
async def withdraw(visit: Manager, form: Form) -> Response:
    path = address("agencies", "own", "rules", "withdrawal")
    number = form.text("number")
    body = {"why": form.text("why").strip(), "number": int(number) if number.isdecimal() else 0}
    try:
        await visit.client.post("approval", path, body, RulesVersion, form.key)
    except Refused as refused:
        return await _agency_page(visit, refused=refused, why=form.text("why"))
    return visit.redirect(f"{visit.here.layout.prefix}/agency/")


async def _preview(visit: Visit, typed: RulesForm, key: str) -> Response:
    path = address("agencies", "own", "rules", "preview")
    today = day_of(visit.here.clock())
    preview = await visit.client.post("approval", path, typed.change(today), RulesPreview, key)
    language = visit.language
    return visit.page(
        "agency_preview.html",
        form=typed,
        preview=preview,
        compared=differences(preview.before.rules, preview.after.rules, language),
        today=today,
    )


def _form_page(
    visit: Visit, typed: RulesForm, now: RulesNow | None = None, refused: Refused | None = None
) -> Response:
    listed = typed.field_faults(refused)
    return visit.page(
        "agency_change.html",
        form=typed,
        waits=bool(now and now.waiting),
        refused=refused,
        field_faults=listed,
        faults={one.field: one.fault for one in reversed(listed)},
        steps=rules_form.STEPS,
        reasons=rules_form.REASONS,
        separation=rules_form.SEPARATION,
        today=day_of(visit.here.clock()),
    )


def _history(found: Sequence[RulesVersion], language: Language) -> Sequence[Entry]:
    """Each version compared with the one before it, newest first; the oldest has no differences."""
    later = [_entry(before, after, language) for after, before in pairwise(found)]
    return [*later, *(Entry(first, ()) for first in found[-1:])][:MOST_SHOWN]


def _entry(before: RulesVersion, after: RulesVersion, language: Language) -> Entry:
    return Entry(after, differences(before.rules, after.rules, language))


def _otherwise(version: RulesVersion, language: Language) -> Sequence[Difference]:
    """The differences between agencies.yaml and this version."""
    file: Mapping[str, Any] = {**version.rules, **version.file}
    return differences(file, version.rules, language)


def in_words(rules: Mapping[str, Any], language: Language) -> Sequence[Fact]:
    """The rules of a version, in the order of the page. Keys that are no longer known are left out."""
    current = {name: value for name, value in rules.items() if name in AgencyRules.model_fields}
    rule_lines = _rule_lines(AgencyRules.model_validate(current), language)
    return [Fact(rule, language.text(wording.RULE[rule]), lines) for rule, lines in rule_lines]


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], language: Language
) -> Sequence[Difference]:
    pairs = zip(in_words(before, language), in_words(after, language), strict=True)
    return [
        Difference(
            new.label,
            [line for line in old.lines if line not in new.lines],
            [line for line in new.lines if line not in old.lines],
        )
        for old, new in pairs
        if old.lines != new.lines
    ]


def _rule_lines(rules: AgencyRules, language: Language) -> Iterator[tuple[str, Sequence[str]]]:
    size, text = language.size, language.text
    days = rules.charter_working_days
    reasons = rules.prepared_reasons
    yield "quota_default", [size(rules.quota_bytes.default)]
    yield "quota_maximum", [size(rules.quota_bytes.maximum)]
    yield "max_file_size_bytes", [size(rules.max_file_size_bytes)]
    for step, count in (("decide", days.decide), ("configure", days.configure)):
        yield step, [_working_days(count, language)]
    yield "notify", [_working_days(days.notify, language)]
    yield "approval_levels", [text(wording.LEVELS[rules.approval_levels])]
    yield "approver_may_configure", [text(wording.YES[rules.separation.approver_may_configure])]
    yield "registrar_may_approve", [text(wording.YES[rules.separation.registrar_may_approve])]
    yield "acting", [appointed(one, language) for one in rules.acting]
    yield "closed_days", [language.day(day) for day in rules.closed_days]
    yield "reject", reasons.reject
    yield "return", reasons.return_
    yield "exception", reasons.exception
    grants = rules.confirm_grants
    yield "every_months", [language.number(grants.every_months)]
    yield "days_to_answer", [language.number(grants.days_to_answer)]
    yield "leavers", [text(wording.YES[grants.leavers == "ask"])]
    yield "unanswered", [text(wording.YES[grants.unanswered == "propose"])]
    yield "name", [rules.name]
    yield "in", [", ".join(text(wording.CHANNEL[one]) for one in rules.channels.in_)]
    yield "out", [", ".join(text(wording.CHANNEL[one]) for one in rules.channels.out)]
    yield "state", [rules.state.replace("-", " ").title()]
    yield "ipms", [text(wording.IPMS_BY[rules.connectors.ipms])]
    yield "storage", [rules.connectors.storage]
    yield "accounts", rules.accounts
    yield "drift", [text(wording.DRIFT_RULE[rules.drift])]
    yield "webhooks", [f"{one.name}: {one.url} ({len(one.events)})" for one in rules.webhooks]
    yield "paper_dispatch", [text(wording.DISPATCH[rules.paper_dispatch])]
    yield (
        "record_retention_years",
        [f"{rules.record_retention_years} {text(wording.RULE_UNIT['years'])}"],
    )
    yield "office_email", [one for one in (rules.office_email,) if one]
    yield "escalation_email", [one for one in (rules.escalation_email,) if one]
    yield "remind_working_days_before", [_working_days(rules.remind_working_days_before, language)]


def _working_days(count: int, language: Language) -> str:
    return language.counted(count, language.text(wording.RULE_UNIT["working_day"]))


def appointed(acting: Appointment, language: Language) -> str:
    """One acting officer in a line, by name where it is known."""
    who = f"{acting.officer_name} ({acting.officer})" if acting.officer_name else acting.officer
    behalf = language.text(wording.RULE_UNIT["on_behalf_of"])
    return f"{who} {behalf} {acting.on_behalf_of}, {language.day(acting.from_)} – {language.day(acting.until)}"
