"""The pure decisions of provisioning. It has one kind of stream: a request's configuration."""

from types import MappingProxyType
from typing import Final

from bmt.chassis.eventsourcing.decider import Deciders
from services.provisioning.domain import configuration_rules

DECIDERS: Final[Deciders] = MappingProxyType({"request": configuration_rules.DECIDER})
