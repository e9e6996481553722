"""The pure decisions of intake, one module for each kind of stream."""

from types import MappingProxyType
from typing import Final

from bmt.chassis.eventsourcing.decider import Deciders
from services.intake.domain import delivery, refusal, request_rules, scan, upload

DECIDERS: Final[Deciders] = MappingProxyType(
    {
        "request": request_rules.DECIDER,
        "upload": upload.DECIDER,
        "scan": scan.DECIDER,
        "delivery": delivery.DECIDER,
        "refusal": refusal.DECIDER,
    }
)
