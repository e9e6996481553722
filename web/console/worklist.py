"""The lists of requests: those that wait for a decision, changed since the last visit, match a search, or were handled by the visitor."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.routes import Page
from bmt.contracts import values
from bmt.contracts.http.approval import (
    ListedRequest,
    RulingResult,
    RulingResults,
    WorklistCounts,
    WorklistItem,
)
from bmt.contracts.http.assignments import Whose
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Channel, Kind
from web.clients import VisitorClient, address
from web.console import desk, wording
from web.console.deciding import own_rules, people
from web.console.desk import ASSIGN, Listing, PageQuery, Paging, assign_all
from web.console.forms import DecisionForm
from web.forms import Form, FormWrong, faults_of, refusal
from web.ports import Administrator, Visit

router = APIRouter()

SURE: Final = "sure"
"""The field with the requests whose unusual size the visitor confirms."""

KEEP: Final = "keep"
"""The button that shows another page of the list, with the same choice and text."""

MOST_CHANGES: Final = 100
MOST_NAMED: Final = 100
"""How many requests one call of approval names."""

_A_MONTH: Final = timedelta(days=30)
_NONE_CHOSEN: Final = FieldError.of("/chosen", "choose_requests")

Warned = Literal["yes", "no"]
Due = Literal["late", "today"]
Order = Literal["due_at", "name", "kind", "channel", "quota_bytes", "received_at"]
"""What the list is sorted by."""


@dataclass(frozen=True, slots=True)
class Filter(Listing):
    """The worklist's filter and order. An empty field does not filter."""

    kind: Annotated[Kind | Literal[""], Query()] = ""
    channel: Annotated[Channel | Literal[""], Query()] = ""
    warned: Annotated[Warned | Literal[""], Query()] = ""
    due: Annotated[Due | Literal[""], Query()] = ""
    assigned: Annotated[Whose | Literal[""], Query()] = ""
    order: Annotated[Order, Query()] = "due_at"

    def params_at(self, now: datetime) -> Mapping[str, Any]:
        """The parameters of approval's list."""
        warned = {"warned": self.warned == "yes" if self.warned else None}
        return {**self.params(), **warned, "due": None, "due_before": self._due_before(now)}

    def _due_before(self, now: datetime) -> str | None:
        if self.due == "today":
            there = now.astimezone(MALAYSIA)
            return there.replace(hour=23, minute=59, second=59, microsecond=0).isoformat()
        return now.isoformat() if self.due == "late" else None

    def __bool__(self) -> bool:
        return bool(self.kind or self.channel or self.warned or self.due or self.assigned)


ListQuery = Annotated[Filter, Depends()]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A submitted bulk decision and its results. What is chosen stays chosen until it is decided.

    Attributes:
        above: the requests to confirm, because more than the usual size would be approved.
        usual_bytes: the usual size.
    """

    form: DecisionForm
    chosen: Sequence[str] = ()
    results: Sequence[RulingResult] = ()
    names: Mapping[str, ListedRequest] = field(default_factory=dict)
    refused: Refused | None = None
    unassigned: Mapping[str, Refused] = field(default_factory=dict)
    above: Sequence[WorklistItem] = ()
    usual_bytes: int | None = None

    @property
    def undecided(self) -> Sequence[RulingResult]:
        return [one for one in self.results if not one.decision]

    @property
    def decided(self) -> Sequence[RulingResult]:
        return [one for one in self.results if one.decision]

    @property
    def closed(self) -> set[str]:
        """The requests that need no further approval."""
        return {one.request_id for one in self.results if one.decision and not one.decision.levels}


@router.get("/")
async def worklist(
    visit: Administrator,
    listing: ListQuery,
    paging: PageQuery,
    *,
    every: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """`all`: every listed request is chosen."""
    bulk = Bulk(DecisionForm())
    return await _worklist(visit, listing, paging, bulk, every=every)


@router.post("/")
async def decide_all(
    visit: Administrator, listing: ListQuery, paging: PageQuery, submitted: Form
) -> Response:
    bulk = Bulk(DecisionForm.of(submitted), submitted.texts("chosen"))
    try:
        if submitted.text(KEEP):
            return await _other_page(visit, listing, paging, bulk)
        if not bulk.chosen:
            raise FormWrong(errors=(_NONE_CHOSEN,))
        if act := submitted.text(ASSIGN):
            unassigned = await assign_all(visit.client, "requests", bulk.chosen, act)
            names = await named(visit.client, list(unassigned))
            bulk = replace(bulk, chosen=list(unassigned), unassigned=unassigned, names=names)
            return await _worklist(visit, listing, paging, bulk)
        rulings = bulk.form.rulings(bulk.chosen)
        if bulk.form.value("decision") == "approve":
            above, usual = await _above_usual(visit.client, bulk.chosen)
            if {one.request_id for one in above} - set(submitted.texts(SURE)):
                bulk = replace(bulk, above=above, usual_bytes=usual)
                return await _worklist(visit, listing, paging, bulk)
        body = rulings.model_dump(mode="json", exclude_none=True)
        answer = await visit.client.post(
            "approval", address("decisions"), body, RulingResults, submitted.key
        )
    except (Refused, Unavailable) as error:
        refused = refusal(error)
        form = replace(bulk.form, key=submitted.key_after(refused))
        return await _worklist(visit, listing, paging, replace(bulk, form=form, refused=refused))
    names = await named(visit.client, [one.request_id for one in answer.results])
    bulk = replace(bulk, results=answer.results, names=names)
    undecided = [one.request_id for one in bulk.undecided]
    form = bulk.form if undecided else DecisionForm()
    bulk = replace(bulk, form=form, chosen=undecided)
    return await _worklist(visit, listing, paging, bulk)


@router.get("/worklist.csv")
async def exported(visit: Administrator, listing: ListQuery) -> Response:
    language, params = visit.language, listing.params_at(visit.here.clock())
    found = await desk.list_all(
        visit.client, "approval", address("worklist"), Page[WorklistItem], params
    )
    rows = [
        (
            *(one.due_at, one.received_at),
            *(one.applicant.name, one.applicant.account, one.applicant.email),
            language.text(wording.KIND[one.kind]),
            language.text(wording.CHANNEL[one.channel]) if one.channel else "",
            language.size(one.quota_bytes) if one.quota_bytes else "",
            "; ".join(language.text(wording.WARNING_LABEL[w]) for w in one.warnings),
            one.reference,
        )
        for one in found
    ]
    return desk.as_file("worklist", wording.EXPORTED["worklist"], rows, language)


@router.get("/changes")
async def changes(visit: Administrator, since: Annotated[AwareDatetime, Query()]) -> Response:
    params = {"changed_since": since.isoformat(), "limit": MOST_CHANGES}
    found = await visit.client.get("approval", address("requests"), Page[ListedRequest], params)
    last = [one.last_step for one in found.items]
    return visit.page(
        "changes.html",
        found=found.items,
        person=await people(visit.client, (one.by for one in last if not one.by_name)),
        since=since,
        complete=found.next_cursor is None,
    )


async def _other_page(visit: Visit, listing: Filter, paging: Paging, bulk: Bulk) -> Response:
    """Another page of the list, by its own address unless something is chosen."""
    if not bulk.chosen:
        return visit.redirect(f"{visit.request.url.path}?{visit.request.url.query}")
    return await _worklist(visit, listing, paging, bulk)


async def _worklist(
    visit: Visit, listing: Filter, paging: Paging, bulk: Bulk, *, every: bool = False
) -> Response:
    """The agency's open requests that pass the filter, in its order."""
    now, since = visit.here.clock(), last_visit(visit.request)
    params = {**listing.params_at(now), **asdict(paging)}
    counted = {"changed_since": since.isoformat() if since else None}
    found: Page[WorklistItem]
    counts: WorklistCounts | None
    try:
        found, counts, rules, others = await asyncio.gather(
            visit.client.get("approval", address("worklist"), Page[WorklistItem], params),
            visit.client.get("approval", address("worklist", "counts"), WorklistCounts, counted),
            own_rules(visit.client),
            desk.other_tabs(visit.client),
        )
    except Unavailable:
        if not bulk.chosen:
            raise
        # The page shows the choice and the text, so that the form can be submitted again.
        found, counts, rules = Page(items=[], next_cursor=None), None, None
        others = await desk.other_tabs(visit.client)
    listed = [one for one in found.items if one.request_id not in bulk.closed]
    may = [one.request_id for one in listed if one.withheld is None]
    beyond = [one for one in bulk.chosen if one not in may]
    answer = visit.page(
        "worklist.html",
        found=listed,
        more=found.next_cursor,
        counts=counts,
        tabs=desk.in_order(counts, others),
        listing=listing,
        since=since,
        bulk=bulk,
        form=bulk.form,
        chosen=may if every else bulk.chosen,
        beyond=beyond,
        names=bulk.names if bulk.results or bulk.unassigned else await named(visit.client, beyond),
        may_choose=bool(may),
        cursor=paging.cursor,
        rules=rules,
        refused=bulk.refused,
        faults=faults_of(bulk.refused),
        now=now,
        month_ago=now - _A_MONTH,
    )
    remember(visit.request, answer, visit.here.layout.prefix, over_tls=visit.here.layout.over_tls)
    return answer


async def _above_usual(
    client: VisitorClient, chosen: Sequence[str]
) -> tuple[Sequence[WorklistItem], int | None]:
    """The chosen requests that ask for more than the usual size, on whatever page they are; and the usual size.

    Leaves out those that another administrator approved, and those with warnings, which a list cannot approve.
    """
    rules = await own_rules(client)
    usual = rules.usual_quota_bytes if rules else None
    if usual is None:
        return (), None
    pages = await asyncio.gather(
        *(
            client.get("approval", address("worklist"), Page[WorklistItem], params)
            for params in _by_ids(chosen)
        )
    )
    more = [
        one
        for page in pages
        for one in page.items
        if (one.quota_bytes or 0) > usual and not one.endorsements and not one.warnings
    ]
    return more, usual


def _by_ids(ids: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """The parameters of the calls that read these requests, at most `MOST_NAMED` a call."""
    parts = [ids[start : start + MOST_NAMED] for start in range(0, len(ids), MOST_NAMED)]
    return [{"request_id": part, "limit": MOST_NAMED} for part in parts]


async def named(client: VisitorClient, ids: Sequence[str]) -> Mapping[str, ListedRequest]:
    """The requests with their names; empty if approval does not answer, as the page can do without."""
    requests = address("requests")
    try:
        pages = await asyncio.gather(
            *(client.get("approval", requests, Page[ListedRequest], one) for one in _by_ids(ids))
        )
    except (Refused, Unavailable):
        return {}
    return {one.request_id: one for page in pages for one in page.items}


# A cookie remembers the last visit, so that the worklist can show what changed since.

COOKIE: Final = "bmt_visited"
ONE_VISIT_SECONDS: Final = 15 * 60
"""Calls that are closer together belong to one visit."""
REMEMBERED_SECONDS: Final = 90 * 24 * 60 * 60

_COOKIE_VALUE: Final = re.compile(r"(\d{1,11})\.(\d{1,11})", re.ASCII)


def last_visit(request: Request) -> datetime | None:
    """When the previous visit ended; None: unknown."""
    before, last = _read_cookie(request)
    at = before if _is_same_visit(last) else last
    return datetime.fromtimestamp(at, UTC) if at else None


def remember(request: Request, response: Response, path: str, *, over_tls: bool) -> None:
    """Records this call in a cookie, which is secure if browsers come by TLS."""
    before, last = _read_cookie(request)
    begins = before if _is_same_visit(last) else last
    response.set_cookie(
        COOKIE,
        f"{begins}.{int(time.time())}",
        max_age=REMEMBERED_SECONDS,
        path=path,
        httponly=True,
        samesite="lax",
        secure=over_tls,
    )


def _is_same_visit(last: int) -> bool:
    return time.time() - last < ONE_VISIT_SECONDS


def _read_cookie(request: Request) -> tuple[int, int]:
    """When the previous visit ended, and the last call, in seconds; 0: unknown."""
    match = _COOKIE_VALUE.fullmatch(request.cookies.get(COOKIE, ""))
    before, last = (int(match[1]), int(match[2])) if match else (0, 0)
    return (before, last) if last <= time.time() else (0, 0)


_REQUESTS: Final = address("requests")


@router.get("/search")
async def search(
    visit: Administrator, paging: PageQuery, q: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """The requests that match the words; a reference redirects to its request."""
    words = " ".join(q.split())
    if not words:
        return visit.page("search.html", q="", found=[], more=None, now=visit.here.clock())
    params = {"q": words, **asdict(paging)}
    page = await visit.client.get("approval", _REQUESTS, Page[ListedRequest], params)
    if values.read_reference(words) and len(page.items) == 1:
        where = f"{visit.here.layout.prefix}/requests/{page.items[0].request_id}"
        return visit.redirect(where)
    return visit.page(
        "search.html", q=words, found=page.items, more=page.next_cursor, now=visit.here.clock()
    )


@router.get("/search.csv")
async def found_as_file(
    visit: Administrator, q: Annotated[str, Query(min_length=1, max_length=200)]
) -> Response:
    return await _exported(visit, {"q": " ".join(q.split())}, "search")


@dataclass(frozen=True, slots=True)
class DoneListing(Listing):
    """The list of the requests that the visitor handled."""

    NEWEST_FIRST = True

    order: Annotated[Literal["changed_at", "name", "kind"], Query()] = "changed_at"


Done = Annotated[DoneListing, Depends()]


@router.get("/done.csv")
async def done_as_file(visit: Administrator, listing: Done) -> Response:
    return await _exported(visit, {"by_me": True, **listing.params()}, "done")


@router.get("/done")
async def done(visit: Administrator, listing: Done, paging: PageQuery) -> Response:
    """What the visitor decided, approved at a level or corrected."""
    params = {"by_me": True, **listing.params(), **asdict(paging)}
    page, tabs = await asyncio.gather(
        visit.client.get("approval", _REQUESTS, Page[ListedRequest], params),
        desk.tabs(visit.client),
    )
    return visit.page(
        "done.html",
        found=page.items,
        more=page.next_cursor,
        listing=listing,
        tabs=tabs,
        now=visit.here.clock(),
    )


async def _exported(visit: Visit, params: Mapping[str, Any], name: str) -> Response:
    language = visit.language
    found = await desk.list_all(visit.client, "approval", _REQUESTS, Page[ListedRequest], params)
    rows = [
        (
            *(language.text(wording.STATUS[one.status]), one.changed_at),
            *(one.applicant.name, one.applicant.account, one.applicant.email),
            *(language.text(wording.KIND[one.kind]), one.reference),
        )
        for one in found
    ]
    return desk.as_file(name, wording.EXPORTED["done"], rows, language)
