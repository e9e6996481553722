"""The rules of the designated file: what is filed, what is still due, and when a file is complete."""

from typing import Final

from bmt.chassis.eventsourcing.decider import Decider
from services.records.domain.commands import Command
from services.records.domain.decide import decide, evolve
from services.records.domain.state import State, Unopened

DECIDER: Decider[Command, State] = Decider(Unopened(), decide, evolve)
"""The decider of one request's file."""

STREAMS: Final = ("request", "disposal", "search")
"""What stands before the hyphen of its streams."""

__all__ = ["DECIDER", "STREAMS", "Command", "State"]
