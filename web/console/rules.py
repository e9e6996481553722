"""The page of the agency's rules: those in force, and what changed when, by whom and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from fastapi import APIRouter
from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.http.pagination import Page
from bmt.contracts.http.rules import RulesVersion
from bmt.contracts.problems import Refused
from web.clients import address
from web.console.access import Administrator
from web.ports import Client, Here

router = APIRouter()

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


@router.get("/rules")
async def rules(request: Request, here: Here, visitor: Administrator, client: Client) -> Response:
    if visitor.agency not in here.agencies:
        raise Refused(problem="not_found")
    agency = here.agencies.get(visitor.agency)
    asked = {"limit": MOST_SHOWN + 1}
    path = address("agencies", agency.code, "rules")
    found = await client.get("approval", path, Page[RulesVersion], asked)
    return here.layout.page(
        request,
        "rules.html",
        agency=agency,
        rules=agency.rules,
        history=compared(found.items)[:MOST_SHOWN],
    )


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
