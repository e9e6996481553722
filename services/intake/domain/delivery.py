"""A delivery: a call that handed in a message under its key, and the message's own causation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Decider
from bmt.contracts.events import Event
from bmt.contracts.values import immutable
from services.intake.domain.events import EmailDelivered


@immutable
class RecordDelivery:
    """Record that a message was delivered under a key; `cause` is the causation of what the message leads to."""

    cause: str
    delivered_at: datetime


@immutable
class Nothing:
    """The only state: a delivery is one event, and no later decision depends on it."""


def decide(command: RecordDelivery, _: Nothing) -> Sequence[Event]:
    """Delivered. The same key again finds its commit, so nothing is decided twice."""
    return [EmailDelivered(cause=command.cause, delivered_at=command.delivered_at)]


def evolve(state: Nothing, _: BaseModel) -> Nothing:
    """The state after an event."""
    return state


DECIDER: Final[Decider[RecordDelivery, Nothing]] = Decider(Nothing(), decide, evolve)
