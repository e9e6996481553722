"""The rules of the designated file: what is filed, what is due, and when the file is complete."""

from typing import Final

from bmt.chassis.eventsourcing.decider import Decider
from services.records.domain.commands import Command
from services.records.domain.decide import decide
from services.records.domain.state import State, Unopened, evolve

DECIDER: Decider[Command, State] = Decider(Unopened(), decide, evolve)
"""A stream is one request's file, one disposal, or one search."""

STREAMS: Final = ("request", "disposal", "search")
"""What stands before the hyphen of its streams."""

__all__ = ["DECIDER", "STREAMS", "Command", "State"]
