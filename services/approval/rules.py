"""The versions of the agencies' rules: recorded at each start and each change, kept for ever, read and made over HTTP."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import Depends, Path
from fastapi import Query as QueryParameter
from pydantic import BaseModel, JsonValue

from bmt.agencies.agency import OWN, Agency, ChangeOfRules, WithdrawalOfChange
from bmt.agencies.charter import day_of
from bmt.agencies.register import RULES_IN_FORCE, RULES_INDEXES, Overlay, whole_rules
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Executed, Execution
from bmt.chassis.http.auth import Principal, require
from bmt.chassis.http.bodies import JsonResponse
from bmt.chassis.http.routes import (
    CommandContext,
    Page,
    PageRequest,
    Paging,
    answer,
    api_router,
    command,
    problems,
)
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.approval import ActingNow, OwnAgency, RulesNow, RulesPreview, RulesVersion
from bmt.contracts.values import Officer
from services.approval.api import Administrator
from services.approval.domain import agency_rules
from services.approval.domain.agency_rules import ChangeRules, InForce, RecordRules, WithdrawChange
from services.approval.domain.errors import UnknownAgency
from services.approval.domain.events import RulesCameIntoForce
from services.approval.ports import Here, Ports

Versions = ViewProjection[RulesVersion]
Place = tuple[int, str]
"""A version's place in the list: its number, then its key."""


async def record(agencies: Iterable[Agency], execution: Execution[Any, Any], clock: Clock) -> None:
    """Records each agency's rules once, however many replicas start at once.

    Raises:
        StoreUnavailable: some may be recorded; a retry is safe.
    """
    for agency in agencies:
        state = await execution.state(stream_of(agency.code))
        rules = whole_rules(agency.rules)
        if isinstance(state, InForce) and state.file == rules:
            continue
        number = state.last.number if isinstance(state, InForce) else 0
        change = agency.rules.changed
        recorded = RecordRules(agency.code, agency.policy_version, rules, change, clock())
        causation = _causation(agency, rules, number)
        await execution.execute(Message(stream_of(agency.code), causation, causation, recorded))


def stream_of(agency: str) -> str:
    """The stream of an agency's rules."""
    return f"agency-{agency}"


def _causation(agency: Agency, rules: dict[str, JsonValue], before: int) -> str:
    """Replicas that record the same change use the same id, so it is recorded once."""
    content = json.dumps([agency.code, before, agency.policy_version, rules], sort_keys=True)
    return "rules:" + sha256(content.encode()).hexdigest()[:40]


def fold(_: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """A version never changes."""
    stored: Body = as_stored(version_of(incoming.data))
    return stored


def version_of(event: RulesCameIntoForce) -> RulesVersion:
    """The version as it is answered."""
    return RulesVersion.model_validate(event, from_attributes=True)


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


def overlay(document: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """The version in force and the one that waits. A version ends those that would begin with it or later."""
    event: RulesCameIntoForce = incoming.data
    begins = (event.in_force_from or day_of(event.recorded_at)).isoformat()
    known = document["versions"] if document else []
    before = [one for one in known if one["in_force_from"] < begins]
    version = {
        "in_force_from": begins,
        "rules": _own(event.rules),
        "file": _own({**event.rules, **event.file}),
    }
    return {
        "agency": event.agency,
        "changed_at": event.recorded_at,
        "versions": [*before[-1:], version],
    }


def _own(rules: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: rules[name] for name in OWN if name in rules}


def _of_an_agency(incoming: IncomingEvent[BaseModel]) -> str | None:
    event = incoming.data
    return event.agency if isinstance(event, RulesCameIntoForce) else None


SHARED: Final = View(
    name=RULES_IN_FORCE, model=Overlay, fold=overlay, key=_of_an_agency, indexes=RULES_INDEXES
)
"""Beside the documents: all services read it."""


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

Reader = Annotated[
    Principal, Depends(require("administrator", "agency_manager", "auditor", "operator"))
]
OwnReader = Annotated[Principal, Depends(require("administrator", "agency_manager"))]
Managing = Annotated[CommandContext, Depends(command("agency_manager"))]
Code = Annotated[str, Path(max_length=32)]
PolicyVersion = Annotated[
    str | None, QueryParameter(max_length=64, description="only the rules that have this name")
]
VersionsPage = Annotated[PageRequest[Place], Depends(BY_NUMBER)]


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
    "/v1/agencies/own/rules",
    summary="The rules in force of the caller's agency, and a change that waits for its day",
    responses=problems("not_found"),
)
async def own_rules(here: Here, caller: OwnReader) -> RulesNow:
    state = await _state(here, caller.agency)
    in_force, waiting = state.on(day_of(here.clock()))
    return RulesNow(
        number=state.last.number,
        in_force=version_of(in_force),
        waiting=version_of(waiting) if waiting else None,
        own=OWN,
    )


@router.post(
    "/v1/agencies/own/rules",
    status_code=201,
    response_model=RulesVersion,
    summary="Change the agency's own rules, from today or a later day on",
    responses=problems("not_found", "rules_changed", "validation_failed"),
)
async def change(here: Here, body: ChangeOfRules, context: Managing) -> JsonResponse:
    """All of `rules` holds from that day on; requests keep the `policy_version` of the day they were received.

    409 `rules_changed`: somebody changed them meanwhile, or (`change_waits`) a change waits for its day.
    """
    return await _executed(here, context, _change(here, body, context))


@router.post(
    "/v1/agencies/own/rules/preview",
    summary="What a change would make of the rules; nothing is recorded",
    responses=problems("not_found", "rules_changed", "validation_failed"),
)
async def preview(here: Here, body: ChangeOfRules, context: Managing) -> RulesPreview:
    state = await _state(here, context.principal.agency)
    (after,) = agency_rules.decide(_change(here, body, context), state)
    before, _ = state.on(body.in_force_from)
    return RulesPreview(
        before=version_of(before), after=RulesVersion.model_validate(after, from_attributes=True)
    )


@router.post(
    "/v1/agencies/own/rules/withdrawal",
    status_code=201,
    response_model=RulesVersion,
    summary="Take back a change that waits for its day",
    responses=problems("not_found", "rules_changed", "validation_failed"),
)
async def withdraw(here: Here, body: WithdrawalOfChange, context: Managing) -> JsonResponse:
    withdrawn = WithdrawChange(
        agency=context.principal.agency,
        why=body.why,
        number=body.number,
        by=_manager(context),
        at=here.clock(),
    )
    return await _executed(here, context, withdrawn)


async def _state(here: Ports, agency: str) -> InForce:
    state = await here.execution.state(stream_of(agency)) if agency in here.agencies else None
    if not isinstance(state, InForce):
        raise UnknownAgency
    return state


def _change(here: Ports, body: ChangeOfRules, context: CommandContext) -> ChangeRules:
    return ChangeRules(
        agency=context.principal.agency,
        rules=body.rules,
        in_force_from=body.in_force_from,
        why=body.why,
        number=body.number,
        by=_manager(context),
        at=here.clock(),
    )


def _manager(context: CommandContext) -> Officer:
    caller = context.principal
    return Officer(subject=caller.subject, name=caller.name, role="agency_manager")


async def _executed(
    here: Ports, context: CommandContext, command: ChangeRules | WithdrawChange
) -> JsonResponse:
    if command.agency not in here.agencies:
        raise UnknownAgency
    executed: Executed = await here.execution.execute(
        context.to_command(stream_of(command.agency), command)
    )
    await here.rules_in_force.refresh()
    (event,) = executed.commit.events
    return answer(executed, version_of(RulesCameIntoForce.model_validate(event.data)), 201)


@router.get(
    "/v1/agencies/{code}/rules",
    summary="What an agency's rules have been, the newest first",
    responses=problems("not_found"),
)
async def rules(
    here: Here, code: Code, caller: Reader, page: VersionsPage, policy_version: PolicyVersion = None
) -> Page[RulesVersion]:
    """So a request's `policy_version` leads to whole rules: who changed them, when and why.

    Administrators and managers read their own agency's, operators all, auditors all or those of the agency in
    their token.
    """
    if not may_read(caller, code):
        raise UnknownAgency
    found = await newest_first(here.versions, code, page, policy_version)
    return BY_NUMBER.page(found, page, key=lambda one: (one.number, key_of(one.agency, one.number)))


def may_read(caller: Principal, agency: str) -> bool:
    """Operators read all; auditors all, or those of their token's agency; others their own."""
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
            "usual_quota_bytes": rules.quota_bytes.default,
            "state": rules.state,
            "closed_days": rules.closed_days,
            "acting_is_restricted": bool(rules.acting),
            "acting": [ActingNow(on_behalf_of=one.on_behalf_of, until=one.until) for one in mine],
        }
    )
