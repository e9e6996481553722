"""The pure decisions of notification, one aggregate for each kind of stream."""

from types import MappingProxyType
from typing import Final

from bmt.chassis.eventsourcing.decider import Deciders
from services.notification.domain import correspondence_rules, template

DECIDERS: Final[Deciders] = MappingProxyType(
    {
        "request": correspondence_rules.DECIDER,
        "template": template.DECIDER,
    }
)
