"""The decision on a request: pure, from commands and events to events."""

from typing import Final

from bmt.chassis.eventsourcing.decider import Decider
from services.approval.domain.commands import Command
from services.approval.domain.decide import decide
from services.approval.domain.state import NotOpen, State, evolve

DECIDER: Final[Decider[Command, State]] = Decider(NotOpen(), decide, evolve)
"""One stream is one request's review, one bulk call, or one agency's rules."""
