"""The page of the agency's rules: those in force, and what changed when, by whom and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import PageRequest
from bmt.contracts.http.rules import RulesVersion
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.rules import UnknownAgency, newest_first

MOST_SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """A rule that changed; None: there was none, or is none any more."""

    rule: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A version and how it differs from the one before."""

    version: RulesVersion
    differences: Sequence[Difference]


def routes(desk: Desk) -> APIRouter:
    """The page of rules."""
    routes = APIRouter()

    @routes.get("/rules")
    async def rules(
        request: Request, visitor: Annotated[Principal, Depends(desk.admitted)]
    ) -> Response:
        if visitor.agency not in desk.agencies:
            raise UnknownAgency
        agency = desk.agencies.get(visitor.agency)
        page: PageRequest[tuple[int, str]] = PageRequest(limit=MOST_SHOWN, after=None)
        found = await newest_first(desk.versions, agency.code, page)
        return desk.layout.page(
            request,
            "rules.html",
            agency=agency,
            rules=agency.rules,
            history=compared(found)[:MOST_SHOWN],
            wording=wording,
        )

    return routes


def compared(newest_first: Sequence[RulesVersion]) -> Sequence[Entry]:
    """Each version compared with the one before it; the oldest has no differences."""
    later = [
        Entry(after, list(differences(before.rules, after.rules)))
        for after, before in pairwise(newest_first)
    ]
    return [*later, *(Entry(first, ()) for first in newest_first[-1:])]


def differences(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> Iterator[Difference]:
    """The rules that differ, sorted by their names in agencies.yaml."""
    old, new = dict(_flat(before)), dict(_flat(after))
    for rule in sorted(old.keys() | new.keys()):
        if old.get(rule) != new.get(rule):
            yield Difference(rule, old.get(rule), new.get(rule))


def _flat(rules: Mapping[str, JsonValue], within: str = "") -> Iterator[tuple[str, str]]:
    """Every rule under its full name; a list is one rule."""
    for name, value in rules.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{within}{name}.")
        else:
            yield f"{within}{name}", _said(value)


def _said(value: JsonValue) -> str:
    if isinstance(value, list):
        return "; ".join(map(_said, value)) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    return "–" if value is None else str(value)
