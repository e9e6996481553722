"""The first page: what waits for a decision, bulk decisions, and what changed since the last visit."""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from bmt.agencies.charter import MALAYSIA
from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Page
from bmt.contracts.http.approval import (
    ListedRequest,
    RulingResult,
    RulingResults,
    WorklistCounts,
    WorklistItem,
)
from bmt.contracts.http.rules import OwnAgency
from bmt.contracts.problems import FieldError, Refused
from bmt.contracts.values import Kind
from web.clients import Address, ServiceName, VisitorClient, address
from web.console.access import Administrator
from web.console.forms import DecisionForm, Form
from web.forms import FormWrong, faults_of
from web.login import SignInFirst
from web.ports import Client, Here, Ports

router = APIRouter()

MOST_CHANGES: Final = 100
MOST_NAMED: Final = 100
"""How many requests one call of approval names."""

_A_MONTH: Final = timedelta(days=30)
_NONE_CHOSEN: Final = FieldError.of("/chosen", "choose_requests")

Warned = Literal["yes", "no"]
Due = Literal["late", "today"]


@dataclass(frozen=True, slots=True)
class Filter:
    """The worklist's filter, as it stands in the address. An empty field does not filter."""

    kind: Annotated[Kind | Literal[""], Query()] = ""
    warned: Annotated[Warned | Literal[""], Query()] = ""
    due: Annotated[Due | Literal[""], Query()] = ""

    def asked(self, now: datetime) -> Mapping[str, Any]:
        """The parameters of approval's list."""
        return {
            "kind": self.kind,
            "warned": self.warned == "yes" if self.warned else None,
            "due_before": self._due_before(now),
        }

    def _due_before(self, now: datetime) -> str | None:
        if self.due == "today":
            there = now.astimezone(MALAYSIA)
            return there.replace(hour=23, minute=59, second=59, microsecond=0).isoformat()
        return now.isoformat() if self.due == "late" else None

    @property
    def address(self) -> str:
        """The filter as a query string."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    def __bool__(self) -> bool:
        return bool(self.address)


@dataclass(frozen=True, slots=True)
class Place:
    """The page of the list that the address means, as approval takes it."""

    limit: Annotated[int | None, Query(ge=1, le=200)] = None
    cursor: Annotated[str | None, Query(max_length=1024)] = None


Only = Annotated[Filter, Depends()]
Where = Annotated[Place, Depends()]


@router.get("/")
async def worklist(
    request: Request, here: Here, visitor: Administrator, client: Client, only: Only, place: Where
) -> Response:
    return await _worklist(here, request, visitor, client, only, place, DecisionForm())


@router.post("/")
async def decide_all(
    request: Request,
    here: Here,
    visitor: Administrator,
    client: Client,
    only: Only,
    place: Where,
    told: Form,
) -> Response:
    form, chosen = DecisionForm.of(told), told.texts("chosen")
    try:
        if not chosen:
            raise FormWrong(errors=(_NONE_CHOSEN,))
        body = form.rulings(chosen).model_dump(mode="json", exclude_none=True)
        answer = await client.post("approval", address("decisions"), body, RulingResults, told.key)
    except Refused as refused:
        return await _worklist(here, request, visitor, client, only, place, form, refused)
    names = await _names(client, answer.results)
    return here.layout.page(request, "decided.html", results=answer.results, names=names)


@router.get("/changes")
async def changes(
    request: Request,
    here: Here,
    _: Administrator,
    client: Client,
    since: Annotated[AwareDatetime, Query()],
) -> Response:
    asked = {"changed_since": since.isoformat(), "limit": MOST_CHANGES}
    found = await client.get("approval", address("requests"), Page[ListedRequest], asked)
    return here.layout.page(
        request,
        "changes.html",
        found=found.items,
        since=since,
        complete=found.next_cursor is None,
    )


async def _worklist(
    here: Ports,
    request: Request,
    visitor: Principal,
    client: VisitorClient,
    only: Filter,
    place: Place,
    form: DecisionForm,
    refused: Refused | None = None,
) -> Response:
    """The agency's open requests that pass the filter, earliest due first."""
    now, since = here.clock(), last_visit(request)
    asked = {**only.asked(now), **asdict(place)}
    counted = {"changed_since": since.isoformat() if since else None}
    found, counts, rules, cards = await asyncio.gather(
        client.get("approval", address("worklist"), Page[WorklistItem], asked),
        client.get("approval", address("worklist", "counts"), WorklistCounts, counted),
        own_rules(client),
        waiting_elsewhere(client),
    )
    answer = here.layout.page(
        request,
        "worklist.html",
        agency=here.agencies.name_of(visitor.agency),
        found=found.items,
        more=found.next_cursor,
        counts=counts,
        cards=cards,
        only=only,
        since=since,
        form=form,
        rules=rules,
        refused=refused,
        faults=faults_of(refused),
        now=now,
        month_ago=now - _A_MONTH,
    )
    remember(request, answer, here.layout.prefix, over_tls=here.layout.over_tls)
    return answer


async def own_rules(client: VisitorClient) -> OwnAgency | None:
    """The rules that the visitor decides by; None: their agency has none any more."""
    try:
        return await client.get("approval", address("agencies", "own"), OwnAgency)
    except Refused as refused:
        if refused.problem != "not_found":
            raise
        return None


async def _names(
    client: VisitorClient, results: Sequence[RulingResult]
) -> Mapping[str, ListedRequest]:
    """What people call the requests; none if they cannot be had now, as the decisions are made."""
    ids = [one.request_id for one in results]
    parts = [ids[start : start + MOST_NAMED] for start in range(0, len(ids), MOST_NAMED)]
    asked = [{"request_id": part, "limit": MOST_NAMED} for part in parts]
    requests = address("requests")
    try:
        pages = await asyncio.gather(
            *(client.get("approval", requests, Page[ListedRequest], one) for one in asked)
        )
    except (Refused, Unavailable):
        return {}
    return {one.request_id: one for page in pages for one in page.items}


# What waits in the other sections.

COUNTED: Final = 50
"""A higher count shows as "more than" this: counting on would be costly."""
SECONDS: Final = 2.0

_SECTIONS: Final[Sequence[tuple[str, ServiceName, Address, str]]] = (
    ("inbox", "intake", address("inbox"), "waiting"),
    ("tasks", "provisioning", address("tasks"), "open"),
    ("papers", "notification", address("notifications"), "prepared"),
)
"""The prefix of a section's pages, whose list it is, and which status waits."""


class _Waiting(BaseModel):
    items: list[Any]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """How much waits in a section; `waiting` is None if its service does not answer."""

    path: str
    waiting: int | None
    more: bool = False


async def waiting_elsewhere(client: VisitorClient) -> Sequence[Card]:
    """How much waits in each section. A service that is down or slow does not delay the page."""
    return await asyncio.gather(*(_card(client, *section) for section in _SECTIONS))


async def _card(
    client: VisitorClient, path: str, service: ServiceName, lists: Address, status: str
) -> Card:
    asked = {"status": status, "limit": COUNTED}
    try:
        async with asyncio.timeout(SECONDS):
            found = await client.get(service, lists, _Waiting, asked)
    except (Refused, Unavailable, SignInFirst, TimeoutError):
        return Card(path, None)
    return Card(path, len(found.items), more=found.next_cursor is not None)


# A cookie remembers the last visit, so that the worklist can show what changed since.

COOKIE: Final = "bmt_visited"
ONE_VISIT_SECONDS: Final = 15 * 60
"""Looks that are closer together belong to one visit."""
REMEMBERED_SECONDS: Final = 90 * 24 * 60 * 60

_KEPT: Final = re.compile(r"(\d{1,11})\.(\d{1,11})", re.ASCII)


def last_visit(request: Request) -> datetime | None:
    """When the previous visit ended; None: unknown."""
    before, last = _kept(request)
    at = before if _goes_on(last) else last
    return datetime.fromtimestamp(at, UTC) if at else None


def remember(request: Request, response: Response, path: str, *, over_tls: bool) -> None:
    """Records this look in a cookie, which is secure if browsers come by TLS."""
    before, last = _kept(request)
    begins = before if _goes_on(last) else last
    response.set_cookie(
        COOKIE,
        f"{begins}.{int(time.time())}",
        max_age=REMEMBERED_SECONDS,
        path=path,
        httponly=True,
        samesite="lax",
        secure=over_tls,
    )


def _goes_on(last: int) -> bool:
    return time.time() - last < ONE_VISIT_SECONDS


def _kept(request: Request) -> tuple[int, int]:
    """When the previous visit ended, and the last look, in seconds; 0: unknown."""
    kept = _KEPT.fullmatch(request.cookies.get(COOKIE, ""))
    before, last = (int(kept[1]), int(kept[2])) if kept else (0, 0)
    return (before, last) if last <= time.time() else (0, 0)
