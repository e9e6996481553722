"""Which connector brings which target to where an order wants it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from bmt.contracts.events import EffectiveIpms, EffectiveStorage, PlannedChange, Target
from services.provisioning.connectors import worklist
from services.provisioning.connectors.breaker import Breaker
from services.provisioning.connectors.connector import (
    Connector,
    OperatorNeeded,
    TargetRefused,
    Unsettled,
)
from services.provisioning.connectors.guarded import ConnectorMetrics, Guarded
from services.provisioning.connectors.worklist import Worklist
from services.provisioning.domain.events import TaskCompleted
from services.provisioning.domain.goal import ORDER, goal
from services.provisioning.domain.order import Order


@dataclass(frozen=True, slots=True)
class Step:
    """One target of an order: what drives it, and what it shall show."""

    target: Target
    connector: Connector[Any]
    wanted: BaseModel


@dataclass(frozen=True, slots=True)
class Outlook:
    """What would change, which targets would refuse, and what a person would be asked to set."""

    changes: tuple[PlannedChange, ...] = ()
    refusals: tuple[TargetRefused, ...] = ()
    by_hand: tuple[OperatorNeeded, ...] = ()


class Targets:
    """Both targets, with the connectors of this installation behind their breakers."""

    def __init__(
        self,
        *,
        ipms: Mapping[str, Connector[EffectiveIpms]],
        storage: Mapping[str, Connector[EffectiveStorage]],
        breakers: Mapping[str, Breaker],
        metrics: ConnectorMetrics,
    ) -> None:
        """Connectors by name; each has its breaker. `worklist` is at hand for every order."""
        self._ipms = {name: Guarded(each, breakers[name], metrics) for name, each in ipms.items()}
        self._storage = {
            name: Guarded(each, breakers[name], metrics) for name, each in storage.items()
        }
        self._breakers = breakers
        self._metrics = metrics

    def steps(self, order: Order, statement: TaskCompleted | None) -> Sequence[Step]:
        """The targets in the order that they are set in."""
        wanted = goal(order)
        ipms = Step("ipms", self._ipms_connector(order, wanted.ipms, statement), wanted.ipms)
        storage = Step("storage", self._storage[order.storage_connector], wanted.storage)
        steps: dict[Target, Step] = {"ipms": ipms, "storage": storage}
        return [steps[target] for target in ORDER[order.kind]]

    async def outlook(
        self, order: Order, statement: TaskCompleted | None, *, settle: bool = False
    ) -> Outlook:
        """Look at each target; nothing is changed, but that `settle` has it take in what was set last.

        Raises:
            TargetAway: one cannot be asked now.
            Unsettled: one is not to be settled, and would have to be.
        """
        changes: list[PlannedChange] = []
        refusals: list[TargetRefused] = []
        by_hand: list[OperatorNeeded] = []
        for step in self.steps(order, statement):
            try:
                changes += await self._planned(step, order.account, settle=settle)
            except TargetRefused as refused:
                refusals.append(refused)
            if step.connector.name == worklist.NAME and statement is None:
                by_hand.append(worklist.needed(order.account, goal(order).ipms))
        return Outlook(tuple(changes), tuple(refusals), tuple(by_hand))

    async def _planned(self, step: Step, account: str, *, settle: bool) -> Sequence[PlannedChange]:
        try:
            return await step.connector.plan(account, step.wanted)
        except Unsettled:
            if not settle:
                raise
            await step.connector.read_back(account)
            return await step.connector.plan(account, step.wanted)

    def seconds_closed_to_calls(self, connector: str) -> float:
        """How long no call to this connector goes through; 0 when one may."""
        return self._breakers[connector].seconds_closed_to_calls

    def _ipms_connector(
        self, order: Order, wanted: EffectiveIpms, statement: TaskCompleted | None
    ) -> Connector[EffectiveIpms]:
        connector = self._ipms.get(order.ipms_connector)
        if connector is not None:
            return connector
        # Also where this installation no longer has the interface: an officer always can.
        by_hand = Worklist(wanted, statement)
        return Guarded(by_hand, self._breakers[worklist.NAME], self._metrics)
