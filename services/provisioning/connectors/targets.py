"""Which connector brings which target to where an order wants it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bmt.chassis.clock import Clock
from bmt.contracts.events import EffectiveIpms, EffectiveStorage, PlannedChange, Target
from services.provisioning.connectors import worklist
from services.provisioning.connectors.breaker import Breaker
from services.provisioning.connectors.connector import Connector, TargetRefused
from services.provisioning.connectors.guarded import ConnectorMetrics, Guarded
from services.provisioning.connectors.worklist import Worklist
from services.provisioning.domain.events import ConfigurationDue, TaskCompleted
from services.provisioning.domain.goal import ORDER, goal


@dataclass(frozen=True, slots=True)
class Step:
    """One target of an order: what drives it, and what it shall show."""

    target: Target
    connector: Connector[Any]
    wanted: BaseModel


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would change, and which targets would refuse."""

    changes: tuple[PlannedChange, ...]
    refusals: tuple[TargetRefused, ...]


class Targets:
    """Both targets, with the connectors of this installation behind their breakers."""

    def __init__(
        self,
        *,
        ipms: Mapping[str, Connector[EffectiveIpms]],
        storage: Mapping[str, Connector[EffectiveStorage]],
        breakers: Mapping[str, Breaker],
        metrics: ConnectorMetrics,
        clock: Clock,
    ) -> None:
        """Connectors by name; each has its breaker. `worklist` is at hand for every order."""
        self._ipms = {name: Guarded(each, breakers[name], metrics) for name, each in ipms.items()}
        self._storage = {
            name: Guarded(each, breakers[name], metrics) for name, each in storage.items()
        }
        self._breakers = breakers
        self._metrics = metrics
        self._clock = clock

    def steps(self, order: ConfigurationDue, statement: TaskCompleted | None) -> Sequence[Step]:
        """The targets in the order that they are set in."""
        wanted = goal(order)
        ipms = Step("ipms", self._ipms_connector(order, wanted.ipms, statement), wanted.ipms)
        storage = Step("storage", self._storage[order.storage_connector], wanted.storage)
        steps: dict[Target, Step] = {"ipms": ipms, "storage": storage}
        return [steps[target] for target in ORDER[order.request.kind]]

    async def outlook(self, order: ConfigurationDue, statement: TaskCompleted | None) -> Outlook:
        """Look at each target; nothing is changed.

        Raises:
            TargetAway: one cannot be asked now.
        """
        changes: list[PlannedChange] = []
        refusals: list[TargetRefused] = []
        for step in self.steps(order, statement):
            try:
                changes += await step.connector.plan(order.request.applicant.account, step.wanted)
            except TargetRefused as refused:
                refusals.append(refused)
        return Outlook(tuple(changes), tuple(refusals))

    def seconds_closed_to_calls(self, connector: str) -> float:
        """How long no call to this connector goes through; 0 when one may."""
        return self._breakers[connector].seconds_closed_to_calls

    def _ipms_connector(
        self, order: ConfigurationDue, wanted: EffectiveIpms, statement: TaskCompleted | None
    ) -> Connector[EffectiveIpms]:
        connector = self._ipms.get(order.ipms_connector)
        if connector is not None:
            return connector
        # Also where this installation no longer has the interface: an officer always can.
        by_hand = Worklist(wanted, statement, self._clock)
        return Guarded(by_hand, self._breakers[worklist.NAME], self._metrics)
