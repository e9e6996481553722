"""The versions of the agencies' rules: recorded at each start, kept for ever, read over HTTP."""

import json
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import Depends, Path
from fastapi import Query as QueryParameter
from pydantic import BaseModel, JsonValue

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.app import api_router
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.openapi import problems
from bmt.chassis.http.pagination import Page, PageRequest, Paging
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.rules import ActingNow, OwnAgency, RulesVersion
from bmt.contracts.problems import Refused
from services.approval.api import Administrator
from services.approval.domain.agency_rules import InForce, RecordRules
from services.approval.domain.events import RulesCameIntoForce
from services.approval.ports import Here

Versions = ViewProjection[RulesVersion]
Place = tuple[int, str]
"""A version's place in the list: its number, then its key."""


async def record(agencies: Agencies, execution: Execution[Any, Any], clock: Clock) -> None:
    """Records each agency's rules once, however many replicas start at once.

    Raises:
        StoreUnavailable: some may be recorded; a retry is safe.
    """
    for agency in agencies:
        stream = f"agency-{agency.code}"
        state = await execution.state(stream)
        rules = whole(agency)
        number = state.number if isinstance(state, InForce) else 0
        if isinstance(state, InForce) and state.rules == rules:
            continue
        change = agency.rules.changed
        command = RecordRules(agency.code, agency.policy_version, rules, change, clock())
        causation = _causation(agency, rules, number)
        await execution.execute(Message(stream, causation, causation, command))


def whole(agency: Agency) -> dict[str, JsonValue]:
    """All rules of an agency as JSON, without who changed them."""
    rules: dict[str, JsonValue] = agency.rules.model_dump(
        mode="json", by_alias=True, exclude={"changed"}
    )
    return rules


def _causation(agency: Agency, rules: dict[str, JsonValue], before: int) -> str:
    """Replicas that record the same change use the same id, so it is recorded once."""
    said = json.dumps([agency.code, before, agency.policy_version, rules], sort_keys=True)
    return "rules:" + sha256(said.encode()).hexdigest()[:40]


def fold(_: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """A version never changes."""
    event: RulesCameIntoForce = incoming.data
    changed_on = event.changed_on.isoformat() if event.changed_on else None
    return {**as_stored(event), "changed_on": changed_on}


def _of_a_version(incoming: IncomingEvent[BaseModel]) -> str | None:
    event = incoming.data
    return key_of(event.agency, event.number) if isinstance(event, RulesCameIntoForce) else None


def key_of(agency: str, number: int) -> str:
    """The key of one version."""
    return f"{agency}-{number}"


VERSIONS: Final = View(
    name="agency_rules",
    model=RulesVersion,
    fold=fold,
    key=_of_a_version,
    indexes=[("agency", "number", "_id")],
)


async def newest_first(
    versions: Versions, agency: str, page: PageRequest[Place], policy_version: str | None = None
) -> list[RulesVersion]:
    """The versions of an agency's rules, optionally those of one name."""
    named = {"policy_version": policy_version} if policy_version else {}
    return await versions.find(
        Query(
            equal={"agency": agency, **named},
            order_by="number",
            descending=True,
            after=page.after,
            limit=page.lookahead,
        )
    )


# Over HTTP.

BY_NUMBER: Final = Paging(tuple[int, str])

Reader = Annotated[Principal, Depends(require("administrator", "auditor", "operator"))]
Code = Annotated[str, Path(max_length=32)]
PolicyVersion = Annotated[
    str | None, QueryParameter(max_length=64, description="only the rules that have this name")
]
VersionsPage = Annotated[PageRequest[Place], Depends(BY_NUMBER)]


class UnknownAgency(Refused):
    """There is no such agency, or the caller may not read its rules; the answer does not tell which."""

    problem = "not_found"

    def __init__(self) -> None:
        super().__init__("You can read the rules of no agency of this code.")


router = api_router(tags=["rules"])


@router.get(
    "/v1/agencies/own",
    summary="What the caller's agency decides by",
    responses=problems("not_found"),
)
async def own(here: Here, caller: Administrator) -> OwnAgency:
    if caller.agency not in here.agencies:
        raise UnknownAgency
    return own_agency(here.agencies.get(caller.agency), caller, here.clock())


@router.get(
    "/v1/agencies/{code}/rules",
    summary="What an agency's rules have been, the newest first",
    responses=problems("not_found"),
)
async def rules(
    here: Here, code: Code, caller: Reader, page: VersionsPage, policy_version: PolicyVersion = None
) -> Page[RulesVersion]:
    """So a request's `policy_version` leads to whole rules: who changed them, when and why.

    Administrators read their own agency's, operators all, auditors all or those of the agency in their token.
    """
    if not may_read(caller, code):
        raise UnknownAgency
    found = await newest_first(here.versions, code, page, policy_version)
    return BY_NUMBER.page(found, page, key=lambda one: (one.number, key_of(one.agency, one.number)))


def may_read(caller: Principal, agency: str) -> bool:
    """Operators read all; auditors all, or those of their token's agency; administrators their own."""
    if caller.has("operator") or (caller.has("auditor") and not caller.agency):
        return True
    return caller.agency == agency


def own_agency(agency: Agency, caller: Principal, now: datetime) -> OwnAgency:
    """An agency's rules as they apply to one of its administrators."""
    rules = agency.rules
    mine = [one for one in rules.acting if one.allows(caller.subject, now)]
    return OwnAgency.model_validate(
        {
            "code": agency.code,
            "name": rules.name,
            "policy_version": agency.policy_version,
            "channels": rules.channels.model_dump(by_alias=True),
            "approval_levels": rules.approval_levels,
            "prepared_reasons": rules.prepared_reasons.model_dump(by_alias=True),
            "acting_is_restricted": bool(rules.acting),
            "acting": [ActingNow(on_behalf_of=one.on_behalf_of, until=one.until) for one in mine],
        }
    )
