"""The agencies' rules, as approval has run by them: recorded when it starts, readable for ever."""

import json
from hashlib import sha256
from typing import Any, Final

from pydantic import BaseModel, JsonValue

from bmt.agencies.agency import Agency
from bmt.agencies.register import Agencies
from bmt.chassis.eventsourcing.decider import IncomingEvent, Message
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.view_store import Body, Query
from bmt.chassis.readmodels.views import View, ViewProjection, as_stored
from bmt.chassis.runtime.clock import Clock
from bmt.contracts.http.rules import RulesVersion
from services.approval.domain.agency_rules import InForce, RecordRules
from services.approval.domain.events import RulesCameIntoForce

Versions = ViewProjection[RulesVersion]
Place = tuple[int, str]
"""Where a version stands among its agency's: its number, then its key."""


async def record(agencies: Agencies, execution: Execution[Any, Any], clock: Clock) -> None:
    """Each agency's rules are on record, once, however many replicas start at once.

    Raises:
        StoreUnavailable: some may be; the same again is safe.
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
    """All of an agency's rules as JSON; who changed them is not one of them."""
    rules: dict[str, JsonValue] = agency.rules.model_dump(
        mode="json", by_alias=True, exclude={"changed"}
    )
    return rules


def _causation(agency: Agency, rules: dict[str, JsonValue], before: int) -> str:
    """One name for these rules after those: whoever records them second finds them recorded."""
    said = json.dumps([agency.code, before, agency.policy_version, rules], sort_keys=True)
    return "rules:" + sha256(said.encode()).hexdigest()[:40]


def fold(_: Body | None, incoming: IncomingEvent[Any]) -> Body:
    """A version never changes."""
    event: RulesCameIntoForce = incoming.data
    changed_on = event.changed_on.isoformat() if event.changed_on else None
    return {**as_stored(event), "changed_on": changed_on}


def of_a_version(incoming: IncomingEvent[BaseModel]) -> str | None:
    """`<agency>-<number>`."""
    event = incoming.data
    return key_of(event.agency, event.number) if isinstance(event, RulesCameIntoForce) else None


def key_of(agency: str, number: int) -> str:
    """The key of one version."""
    return f"{agency}-{number}"


VERSIONS: Final = View(
    name="agency_rules",
    model=RulesVersion,
    fold=fold,
    key=of_a_version,
    indexes=[("agency", "number", "_id")],
)


async def newest_first(
    versions: Versions, agency: str, page: PageRequest[Place], policy_version: str | None = None
) -> list[RulesVersion]:
    """What an agency's rules have been; those of one name, where it is given."""
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
