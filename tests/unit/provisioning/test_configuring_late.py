"""A process that hung while it configured a request, and goes on when others have gone beyond it."""

from datetime import timedelta
from typing import Any

from orders import NOW, ON, configured, due, started
from prometheus_client import CollectorRegistry

from bmt.agencies.agency import Claims
from bmt.chassis.runtime.clock import new_id
from bmt.chassis.work import LEASE, Done, WorkItem
from services.provisioning.connectors.connector import Breaker, ConnectorMetrics, Reading
from services.provisioning.connectors.targets import Targets
from services.provisioning.domain.configuration_rules import DECIDER
from services.provisioning.domain.order import NOTHING_IN_FORCE
from services.provisioning.worker import Configurer


class Target:
    """A target of one account; `hangs` is what happens while its caller hangs."""

    def __init__(self, name: str, shown: Any, hangs: Any = None) -> None:
        self.name, self.shown, self.hangs = name, shown, hangs
        self.set: list[Any] = []

    async def apply(self, desired: Any) -> Any:
        ((account, goal),) = desired.items()
        self.set.append(goal)
        self.shown = goal
        if self.hangs:
            self.hangs()
        return {account: None}

    async def read_back(self, accounts: Any) -> Any:
        return dict.fromkeys(accounts, Reading(self.shown, NOW))


class Site:
    """One request that is started, and its targets."""

    def __init__(self) -> None:
        self.now, self.events = NOW, [due(), started()]
        self.ipms = Target("scim", NOTHING_IN_FORCE.ipms, self.hang)
        self.storage = Target("copyparty", ON.storage)

    def hang(self) -> None:
        """Another process finishes the request, and a later termination of the account."""
        self.now += LEASE + timedelta(seconds=1)
        self.events.append(configured())
        self.ipms.shown = NOTHING_IN_FORCE.ipms

    async def states(self, streams: Any) -> Any:
        return dict.fromkeys(streams, DECIDER.fold(self.events))

    async def known_states(self, streams: Any, _: Any) -> Any:
        return await self.states(streams)

    async def of(self, orders: Any) -> Any:
        assert not orders  # nothing waits for its turn
        return []

    async def execute_many(self, messages: Any) -> Any:
        return [None] * len(messages)


async def test_a_process_that_hung_does_not_set_again_what_a_later_request_has_changed():
    site, outcomes = Site(), []
    targets = Targets(
        ipms={"scim": site.ipms},
        storage={"copyparty": site.storage},
        breakers={name: Breaker(name) for name in ("scim", "copyparty")},
        metrics=ConnectorMetrics(CollectorRegistry()),
    )
    configurer = Configurer(site, site, targets, Claims(), lambda: site.now, new_id)
    item = WorkItem("a", "scim", "b", NOW + LEASE, 1, held=True)
    await configurer.perform([item], lambda _, outcome: outcomes.append(outcome))
    assert outcomes == [Done()]
    assert site.ipms.set == [ON.ipms]
    assert site.ipms.shown == NOTHING_IN_FORCE.ipms
