"""What a decision is answered with: read from its commit alone, so that a replay says the same."""

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.contracts.http.approval import CHOICES, DecisionMade, Levels
from services.approval.domain.events import Endorsed


def decision_made(commit: Commit) -> DecisionMade:
    """The answer to the command that led to `commit`, a decision's."""
    (event,) = commit.events
    if event.type == Endorsed.TYPE:
        return _endorsed(commit, Endorsed.model_validate(event.data))
    return DecisionMade(
        request_id=commit.subject,
        decision=CHOICES[event.type],
        decided_by=event.data["decided_by"],
        decided_at=event.data["decided_at"],
        version=event.sequence,
    )


def _endorsed(commit: Commit, event: Endorsed) -> DecisionMade:
    """An approval that is not the last: it says nothing yet, and so counts none."""
    given = event.endorsement
    return DecisionMade(
        request_id=commit.subject,
        decision="approve",
        decided_by=given.endorsed_by,
        decided_at=given.endorsed_at,
        version=commit.sequence,
        levels=Levels(given=given.level, needed=event.levels),
    )
