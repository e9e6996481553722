"""An agency's rules: each change is recorded once, also if earlier rules return."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, JsonValue

from bmt.agencies.deciding import Change
from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.immutable import immutable
from services.approval.domain.events import RulesCameIntoForce


@immutable
class RecordRules:
    """Approval starts with these rules of an agency.

    Attributes:
        rules: all of them, as JSON.
        change: the last change, if the file names one.
    """

    agency: str
    policy_version: str
    rules: Mapping[str, JsonValue]
    change: Change | None
    recorded_at: datetime


@immutable
class NotRecorded:
    """No rules of this agency were recorded."""


@immutable
class InForce:
    """The agency's rules as last recorded.

    Attributes:
        number: how many versions were recorded.
        changes: the changes that files named so far; each counts once.
    """

    number: int
    rules: Mapping[str, JsonValue]
    changes: tuple[Change, ...] = ()
    version: int = 0


State = NotRecorded | InForce


def decide(command: RecordRules, state: State) -> Sequence[Event]:
    """Recorded if they differ from the last ones."""
    if isinstance(state, InForce) and state.rules == command.rules:
        return ()
    change = _news(command.change, state)
    return [
        RulesCameIntoForce(
            agency=command.agency,
            number=state.number + 1 if isinstance(state, InForce) else 1,
            policy_version=command.policy_version,
            rules=command.rules,
            changed_by=change.by if change else None,
            changed_on=change.on if change else None,
            why=change.why if change else None,
            recorded_at=command.recorded_at,
        )
    ]


def _news(change: Change | None, state: State) -> Change | None:
    """The change that the file names, unless an earlier version named it already."""
    said = state.changes if isinstance(state, InForce) else ()
    return None if change in said else change


def evolve(state: State, event: BaseModel) -> State:
    """The state after `event`."""
    if not isinstance(event, RulesCameIntoForce):
        return state
    changes = state.changes if isinstance(state, InForce) else ()
    if event.changed_by and event.changed_on and event.why:
        changes = (*changes, Change(by=event.changed_by, on=event.changed_on, why=event.why))
    return InForce(event.number, event.rules, changes)


DECIDER: Final[Decider[RecordRules, State]] = Decider(NotRecorded(), decide, evolve)
