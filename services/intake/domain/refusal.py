"""A refused submission: the answer to an integrator whose record is a dead letter."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.topics import FaultyField, SubmissionRefused
from bmt.contracts.values import immutable
from services.intake.domain.events import SubmissionAnswered
from services.intake.domain.submission import SubmittedEvent


@immutable
class RefuseSubmission:
    """Answer an integrator that what it published is a dead letter, and why.

    Attributes:
        event: its source and id, as far as they can be read; otherwise its origin.
        source_reference: the integrator's own name for it, if it can be read.
        reason: a problem's name, or a short token.
        detail: what is wrong, without the values.
    """

    integrator: str
    event: SubmittedEvent
    source_reference: str | None
    reason: str
    detail: str
    errors: tuple[FaultyField, ...]
    at: datetime


@immutable
class Nothing:
    """The only state: a record is answered once, and no later decision depends on it."""


def decide(command: RefuseSubmission, _: Nothing) -> Sequence[Event]:
    """The answer, with the `SubmissionAnswered` that names the integrator."""
    refused = SubmissionRefused(
        submission_id=command.event.id,
        source_reference=command.source_reference,
        reason=command.reason,
        detail=command.detail,
        errors=command.errors,
    )
    return [
        SubmissionAnswered(
            integrator=command.integrator,
            source=command.event.source,
            answered_at=command.at,
            number=1,
            submission_id=refused.submission_id,
            source_reference=refused.source_reference,
            reason=refused.reason,
            detail=refused.detail,
            errors=refused.errors,
        ),
        refused,
    ]


def evolve(state: Nothing, _: BaseModel) -> Nothing:
    """The state after an event."""
    return state


DECIDER: Final[Decider[RefuseSubmission, Nothing]] = Decider(Nothing(), decide, evolve)
