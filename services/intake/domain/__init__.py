"""The reception of a request: pure functions from commands and events to events."""

from typing import Final

from bmt.chassis.eventsourcing.decider import Decider
from services.intake.domain.commands import Command
from services.intake.domain.decide import decide
from services.intake.domain.state import Nothing, State, evolve

DECIDER: Final[Decider[Command, State]] = Decider(Nothing(), decide, evolve)
"""One stream is one request (or an inbox item that may become one), one upload, or one scan."""

STREAMS: Final = ("request", "upload", "scan", "delivery", "refusal")
"""What stands before the hyphen of its streams."""
