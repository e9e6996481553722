"""The configuration of a request: pure functions from commands and events to events."""

from typing import Final

from bmt.chassis.eventsourcing.decider import Decider
from services.provisioning.domain.commands import Command
from services.provisioning.domain.decide import decide
from services.provisioning.domain.state import NotHeard, State, evolve

DECIDER: Final[Decider[Command, State]] = Decider(NotHeard(), decide, evolve)
"""One stream is one request's configuration."""

STREAMS: Final = ("request",)
"""What stands before the hyphen of its streams."""
