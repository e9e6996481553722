"""Which notices are sent, and whether they arrived: pure, from commands and events to events."""

from typing import Final

from bmt.chassis.eventsourcing.decider import Decider
from services.notification.domain.commands import Command
from services.notification.domain.decide import decide
from services.notification.domain.state import Correspondence, State, evolve

DECIDER: Final[Decider[Command, State]] = Decider(Correspondence(), decide, evolve)
"""A stream is the correspondence about one request, or an agency's words for one kind of notice."""

STREAMS: Final = ("request", "template")
"""What stands before the hyphen of its streams."""
