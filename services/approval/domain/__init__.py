"""The pure decisions of approval, one module for each kind of stream."""

from types import MappingProxyType
from typing import Final

from bmt.chassis.eventsourcing.decider import Deciders
from services.approval.domain import agency_rules, bulk, review

DECIDERS: Final[Deciders] = MappingProxyType(
    {
        "request": review.DECIDER,
        "bulk": bulk.DECIDER,
        "agency": agency_rules.DECIDER,
    }
)
