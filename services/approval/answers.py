"""What a decision is answered with: read from its commit alone, so that a replay says the same."""

from bmt.chassis.event_store import Commit
from bmt.contracts.http.approval import CHOICES, DecisionMade


def decision_made(commit: Commit) -> DecisionMade:
    """The answer to the command that led to `commit`, a decision's."""
    (event,) = commit.events
    return DecisionMade(
        request_id=commit.subject,
        decision=CHOICES[event.type],
        decided_by=event.data["decided_by"],
        decided_at=event.data["decided_at"],
        version=event.sequence,
    )
