"""The rules of the designated file: what is filed, what is still due, and when a file is complete."""

from bmt.chassis.eventsourcing.decider import Decider
from services.records.domain.commands import Command
from services.records.domain.decide import decide
from services.records.domain.state import State, Unopened, evolve

DECIDER: Decider[Command, State] = Decider(Unopened(), decide, evolve)
"""The decider of one request's file."""

__all__ = ["DECIDER", "Command", "State"]
