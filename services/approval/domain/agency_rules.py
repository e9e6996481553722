"""An agency's rules as they come into force: recorded once, and again where they came back."""

from collections.abc import Sequence

from bmt.agencies.deciding import Change
from bmt.contracts.events import Event
from services.approval.domain.commands import RecordRules
from services.approval.domain.events import RulesCameIntoForce
from services.approval.domain.state import InForce, State


def record_rules(command: RecordRules, state: State) -> Sequence[Event]:
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
