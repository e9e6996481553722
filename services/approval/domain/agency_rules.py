"""An agency's rules as they come into force: recorded once, and again where they came back."""

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
    """Approval starts, and these are an agency's rules.

    Attributes:
        agency: its code.
        policy_version: names them.
        rules: all of them, as JSON.
        change: who changed them last, where the file says so.
        recorded_at: now.
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
    """An agency's rules as they were recorded last.

    Attributes:
        number: how many were recorded.
        rules: all of them, as JSON.
        changes: what files said so far of who changed them, and why: none counts twice.
    """

    number: int
    rules: Mapping[str, JsonValue]
    changes: tuple[Change, ...] = ()
    version: int = 0


State = NotRecorded | InForce


def decide(command: RecordRules, state: State) -> Sequence[Event]:
    """Recorded where they differ from those recorded last."""
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
    """What the file says of this change: what was left standing from an earlier one says nothing of it."""
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
