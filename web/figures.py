"""The page with the figures of the client charter, for administrators, auditors and operators, each in their own area."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from textwrap import shorten
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import Response

from bmt.agencies.agency import AgencyRules, Charter
from bmt.agencies.charter import MALAYSIA, day_of
from bmt.chassis.http.bodies import csv_file
from bmt.chassis.http.routes import Page
from bmt.contracts.http.approval import RulesVersion
from bmt.contracts.http.records import CharterFigures, OpenOfAge, Steps, Tally
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Role
from web.clients import FILE_SECONDS, address, part
from web.layout import Language
from web.ports import Admitted, Visit
from web.wording import CHANNEL, FIGURES, KIND

PLOT: Final = 160
"""The height of a column of 100 %, in pixels."""
_FEWEST_GROUPS: Final = 4
"""Fewer leave the rest of the drawing empty: a column is no wall."""
_GAP: Final = 0.2
"""Of the width of a group, between two groups."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar; `look` names its fill. `x` and `width` are in percent."""

    look: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with what stands above it."""

    label: str
    value: str
    parts: Sequence[Part]


def bar(label: str, value: str, parts: Sequence[tuple[str, int]], whole: int) -> Bar:
    """`parts` are looks with numbers, of which `whole` fills the bar."""
    placed, x = [], 0.0
    for look, number in parts:
        width = round(100 * number / whole, 2) if whole else 0.0
        if width:
            placed.append(Part(look, round(x, 2), width))
        x += width
    return Bar(label, value, placed)


@dataclass(frozen=True, slots=True)
class Column:
    """One column, `height` pixels high; None: there is nothing to show."""

    look: str
    x: float
    width: float
    height: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that belong together, with the label below them and its middle."""

    label: str
    middle: float
    columns: Sequence[Column]


def group(label: str, place: int, of: int, columns: Sequence[tuple[str, float | None]]) -> Group:
    """The group at this place among as many; each column has a look and its percentage."""
    whole = 100 / max(of, _FEWEST_GROUPS)
    width = whole * (1 - _GAP) / len(columns)
    begin = whole * (place + _GAP / 2)
    placed = [
        Column(
            look,
            round(begin + width * number, 2),
            round(width * 0.9, 2),
            None if percent is None else max(2.0, percent * PLOT / 100),
        )
        for number, (look, percent) in enumerate(columns)
    ]
    return Group(label, round(whole * (place + 0.5), 2), placed)


MOST_MONTHS_DRAWN: Final = 12
MOST_AGENCIES_DRAWN: Final = 12
LONGEST_LABEL: Final = 36
"""The tables have all agencies, and reasons whole."""
_NEWEST_RULES: Final = 10
"""How many versions of the rules are looked through for those in force."""
_MINUTE: Final = 60
_STEPS: Final = ("decide", "configure", "notify")
_OPEN: Final = (*_STEPS, "applicant")

Cell = str | int | float | timedelta | None
"""What a table holds: a float is a percentage, a `timedelta` is office hours."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the page, and of its CSV. The first cell of a row names it."""

    name: str
    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Period:
    """The first and the last day, as in the address."""

    first: str
    last: str

    @property
    def params(self) -> Mapping[str, str]:
        return {"from": self.first, "to": self.last}


@dataclass(frozen=True, slots=True)
class FiguresQuery:
    """What the page's address asks for; `choice` are the agencies to choose from, `agency` is the chosen one."""

    visit: Visit
    today: date
    period: Period
    choice: Mapping[str, str]
    agency: str


def router(*roles: Role, own_agency: bool = False) -> APIRouter:
    """The page for these roles; `own_agency`: it shows the visitor's own agency only, whatever other roles they have."""
    routes = APIRouter()
    admitted = Depends(Admitted(*roles))

    async def read_query(visit: Annotated[Visit, admitted]) -> FiguresQuery:
        params = visit.request.query_params
        today = visit.here.clock().astimezone(MALAYSIA).date()
        first = params.get("from") or _months_back(today, 0).isoformat()
        choice = _choice(visit, own_agency=own_agency)
        agency = params.get("agency") or next(iter(choice))
        return FiguresQuery(
            visit, today, Period(first, params.get("to") or today.isoformat()), choice, agency
        )

    @routes.get("/figures")
    @routes.get("/figures/")
    async def figures(query: Annotated[FiguresQuery, Depends(read_query)]) -> Response:
        figures, refused = None, None
        promised = await _promised(query)
        try:
            figures = await _figures(query)
        except Refused as error:
            if error.problem != "validation_failed":
                raise
            refused = error
        return _page(query, promised, figures, refused)

    @routes.get("/figures/{name}.csv")
    async def table(query: Annotated[FiguresQuery, Depends(read_query)], name: str) -> Response:
        language, period = query.visit.language, query.period
        figures = await _figures(query)
        found = next((one for one in tables(figures, language) if one.name == name), None)
        if found is None:
            raise Refused(problem="not_found")
        return csv_file(f"bmt-{name}-{period.first}-{period.last}", _csv_rows(found, language))

    return routes


def _choice(visit: Visit, *, own_agency: bool) -> Mapping[str, str]:
    """The agencies to choose from, by code; the empty one is all of them."""
    visitor, agencies = visit.visitor, visit.here.agencies
    sees_all = visitor.has("operator") or (visitor.has("auditor") and not visitor.agency)
    if own_agency or not sees_all:
        return {visitor.agency: agencies.name_of(visitor.agency)}
    codes = sorted(agency.code for agency in agencies)
    return {"": "", **{code: agencies.name_of(code) for code in codes}}


def _months_back(day: date, months: int) -> date:
    """The first day of the month so many months before."""
    months_of_all = day.year * 12 + day.month - 1 - months
    return date(months_of_all // 12, months_of_all % 12 + 1, 1)


def _usual(today: date) -> Mapping[str, Mapping[str, str]]:
    """The periods that the page offers as links."""
    this, last = _months_back(today, 0), _months_back(today, 1)
    periods = {
        "this_month": (this, today),
        "last_month": (last, this - timedelta(days=1)),
        "six_months": (_months_back(today, 5), today),
        "this_year": (today.replace(month=1, day=1), today),
    }
    return {
        name: Period(first.isoformat(), until.isoformat()).params
        for name, (first, until) in periods.items()
    }


async def _promised(query: FiguresQuery) -> Charter | None:
    """The working days of each step by the agency's rules in force; None: no agency is chosen, or approval does not say."""
    if not query.agency:
        return None
    path, newest = address("agencies", query.agency, "rules"), {"limit": _NEWEST_RULES}
    found = await part(query.visit.client.get("approval", path, Page[RulesVersion], newest))
    for one in found.items if found else ():
        if (one.in_force_from or day_of(one.recorded_at)) <= query.today:
            return AgencyRules.model_validate(one.rules).charter_working_days
    return None


async def _figures(query: FiguresQuery) -> CharterFigures:
    of = {**query.period.params, "agency": query.agency}
    return await query.visit.client.get(
        "records", address("charter"), CharterFigures, of, seconds=FILE_SECONDS
    )


def _page(
    query: FiguresQuery,
    promised: Charter | None,
    figures: CharterFigures | None,
    refused: Refused | None,
) -> Response:
    language, period = query.visit.language, query.period
    return query.visit.page(
        "figures.html",
        figures=figures,
        period=period,
        opened=not query.visit.request.query_params.keys() & period.params.keys(),
        promised=[(step, getattr(promised, step)) for step in _STEPS] if promised else (),
        agency=query.agency,
        choice=query.choice,
        usual=_usual(query.today),
        tables={one.name: one for one in tables(figures, language)} if figures else {},
        shares=shares(figures, language) if figures else (),
        times=times(figures, language) if figures else (),
        returns=returns(figures, language) if figures else (),
        columns_of=columns(figures, language) if figures else {},
        ages=ages(figures, language) if figures else (),
        refused=refused,
        faults=_faults(refused),
        words=FIGURES,
    )


def _faults(refused: Refused | None) -> Mapping[str, FieldError]:
    """The fault of each query parameter."""
    errors = refused.errors if refused else ()
    return {fault.pointer.rpartition("/")[2]: fault for fault in errors}


def tables(figures: CharterFigures, language: Language) -> Sequence[Table]:
    """All tables of the figures; those that would be empty are left out."""

    def text(name: str) -> str:
        return language.text(FIGURES[name])

    def of_steps(name: str, groups: Sequence[tuple[str, Steps]]) -> Table:
        tallies = [text(f"{step}_kept") for step in _STEPS]
        head = [text(f"by_{name}"), text("requests"), *tallies, text("overdue")]
        rows = [
            (
                label,
                one.requests,
                *(_tally(one, step).kept_percent for step in _STEPS),
                sum(_tally(one, step).overdue for step in _STEPS),
            )
            for label, one in groups
        ]
        return Table(name, text(f"title_{name}"), head, rows)

    steps = Table(
        "steps",
        text("title_steps"),
        [text(name) for name in ("step", "kept_percent", *Tally.model_fields, "median", "p90")],
        [
            (
                text(one.step),
                one.kept_percent,
                *(getattr(one, name) for name in Tally.model_fields),
                *map(_time, (one.median_seconds, one.p90_seconds)),
            )
            for one in figures.steps
        ],
    )
    channels = [(language.text(CHANNEL[one.channel]), one) for one in figures.channels]
    kinds = [(language.text(KIND[one.kind]), one) for one in figures.kinds]
    open_now = Table(
        "open",
        text("title_open"),
        [text(name) for name in ("age", *(f"waits_{step}" for step in _OPEN), "overdue")],
        [
            (_age(one), *(getattr(one, step) for step in (*_OPEN, "overdue")))
            for one in figures.open
        ],
    )
    reasons = [(one.reason or text("own_words"), one.returns) for one in figures.returns]
    every = (
        steps,
        of_steps("months", [(language.month(one.month), one) for one in figures.months]),
        open_now,
        of_steps("channels", channels),
        of_steps("kinds", kinds),
        of_steps("agencies", [(one.agency, one) for one in figures.agencies]),
        Table("returns", text("title_returns"), [text("reason"), text("returns")], reasons),
    )
    return [one for one in every if one.rows]


def shares(figures: CharterFigures, language: Language) -> Sequence[Bar]:
    """A bar for each step: how much of what was due was done in time."""
    bars = []
    for one in figures.steps:
        parts = (("kept", one.kept), ("late", one.late), ("overdue", one.overdue))
        due = sum(number for _, number in parts)
        value = language.text(FIGURES["nothing_due"])
        if one.kept_percent is not None:
            value = f"{language.share(one.kept_percent)} ({language.number(one.kept)} / {language.number(due)})"
        bars.append(bar(language.text(FIGURES[one.step]), value, parts, due))
    return bars


def times(figures: CharterFigures, language: Language) -> Sequence[Bar]:
    """A bar for each step: the median, and from there to p90. No bars where all took less than a minute."""
    longest = max((one.p90_seconds or 0 for one in figures.steps), default=0)
    bars = []
    for one in figures.steps:
        median, p90 = one.median_seconds, one.p90_seconds
        if median is None or p90 is None or longest < _MINUTE:
            continue
        parts = (("decide", median), ("notify", p90 - median))
        value = f"{language.worked(timedelta(seconds=median))} · p90 {language.worked(timedelta(seconds=p90))}"
        bars.append(bar(language.text(FIGURES[one.step]), value, parts, longest))
    return bars


def returns(figures: CharterFigures, language: Language) -> Sequence[Bar]:
    """A bar for each reason of returns."""
    most = max((one.returns for one in figures.returns), default=0)
    return [
        bar(
            shorten(
                one.reason or language.text(FIGURES["own_words"]), LONGEST_LABEL, placeholder=" …"
            ),
            language.number(one.returns),
            (("decide", one.returns),),
            most,
        )
        for one in figures.returns
    ]


def columns(figures: CharterFigures, language: Language) -> Mapping[str, Sequence[Group]]:
    """By table, three columns for each of its rows: of the last months, of channels and of agencies."""
    last = figures.months[-MOST_MONTHS_DRAWN:]
    return {
        "months": _groups([(language.month(one.month), one) for one in last]),
        "channels": _groups(
            [(language.text(CHANNEL[one.channel]), one) for one in figures.channels]
        ),
        "agencies": _groups([(one.agency, one) for one in figures.agencies[:MOST_AGENCIES_DRAWN]]),
    }


def _groups(labelled: Sequence[tuple[str, Steps]]) -> Sequence[Group]:
    return [
        group(
            label,
            place,
            len(labelled),
            [(step, _tally(one, step).kept_percent) for step in _STEPS],
        )
        for place, (label, one) in enumerate(labelled)
    ]


def ages(figures: CharterFigures, language: Language) -> Sequence[Bar]:
    """A bar for each age of what is open: in time, with the applicant, and overdue."""
    totals = [sum(getattr(one, step) for step in _OPEN) for one in figures.open]
    bars = []
    for one, total in zip(figures.open, totals, strict=True):
        in_time = total - one.overdue - one.applicant
        parts = (("kept", in_time), ("applicant", one.applicant), ("overdue", one.overdue))
        label = f"{_age(one)} {language.text(FIGURES['days'])}"
        value = language.number(total)
        bars.append(bar(label, value, parts, max(totals)))
    return bars


def _tally(steps: Steps, step: str) -> Tally:
    found: Tally = getattr(steps, step)
    return found


def _time(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _age(one: OpenOfAge) -> str:
    return f"{one.from_days}+" if one.to_days is None else f"{one.from_days}–{one.to_days}"


def _csv_rows(table: Table, language: Language) -> Sequence[Sequence[object]]:
    """Numbers stay numbers: percentages, and office hours in hours."""
    unit = f" ({language.text(FIGURES['hours'])})"
    timed = {
        place for row in table.rows for place, cell in enumerate(row) if isinstance(cell, timedelta)
    }
    head = [name + unit if place in timed else name for place, name in enumerate(table.head)]
    rows = [
        [
            round(cell / timedelta(hours=1), 2) if isinstance(cell, timedelta) else cell
            for cell in row
        ]
        for row in table.rows
    ]
    return [head, *rows]
