"""The pure decisions of records, one module for each kind of stream."""

from types import MappingProxyType
from typing import Final

from bmt.chassis.eventsourcing.decider import Deciders
from services.records.domain import designated_file_rules, disposal, reader

DECIDERS: Final[Deciders] = MappingProxyType(
    {
        "request": designated_file_rules.DECIDER,
        "disposal": disposal.DECIDER,
        "search": reader.DECIDER,
    }
)
