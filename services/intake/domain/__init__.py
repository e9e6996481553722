"""The pure decisions of intake, by category of stream."""

from types import MappingProxyType
from typing import Final

from bmt.chassis.eventsourcing.decider import Deciders
from services.intake.domain import one_event, request

DECIDERS: Final[Deciders] = MappingProxyType(
    {
        "request": request.DECIDER,
        **dict.fromkeys(("upload", "scan", "delivery", "refusal"), one_event.DECIDER),
    }
)
