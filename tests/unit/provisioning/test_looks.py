"""Looking at targets for people: bounded in time and number, and never settling what is under way."""

import asyncio
from typing import Any

import httpx
import pytest
from eventually import eventually
from fixtures.alone import Alone
from orders import ON, due
from prometheus_client import CollectorRegistry

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import clock
from services.provisioning.connectors.connector import (
    Breaker,
    ConnectorMetrics,
    NotCalled,
    Reading,
    TargetAway,
    Unsettled,
)
from services.provisioning.connectors.copyparty import Copyparty
from services.provisioning.connectors.targets import Case, PlanReader, Targets
from services.provisioning.connectors.volume_files import VolumeFiles, volume_text
from services.provisioning.domain.order import Policy, changes


class Target:
    """Shows what is wanted; answers when it may."""

    def __init__(self, name: str, shown: Any) -> None:
        self.name = name
        self.shown = shown
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.asked = 0
        self.under_way = 0
        self.unsettled = False

    async def plan(self, desired: Any) -> Any:
        ((account, goal),) = desired.items()
        self.asked += 1
        self.under_way += 1
        try:
            await self.go_on.wait()
        finally:
            self.under_way -= 1
        if self.unsettled:
            return {account: Unsettled(self.name)}
        return {account: changes("storage", self.shown, goal)}

    async def apply(self, desired: Any) -> None:
        raise AssertionError("a look changes nothing")

    async def read_back(self, accounts: Any) -> Any:
        self.unsettled = False
        return dict.fromkeys(accounts, Reading(self.shown, clock.now()))


class Site:
    """Both targets, and looks at them."""

    def __init__(self, **bounds: Any) -> None:
        self.registry = CollectorRegistry()
        self.ipms, self.storage = Target("scim", ON.ipms), Target("copyparty", ON.storage)
        self.targets = Targets(
            ipms={"scim": self.ipms},
            storage={"copyparty": self.storage},
            breakers={name: Breaker(name, opens_after=1) for name in ("scim", "copyparty")},
            metrics=ConnectorMetrics(self.registry),
        )
        self.looks = PlanReader(self.targets, **{"at_once": 2, "seconds": 5.0, **bounds})

    def counted(self, outcome: str) -> float | None:
        labels = {"connector": "copyparty", "operation": "plan", "outcome": outcome}
        return self.registry.get_sample_value("bmt_connector_calls_total", labels)


async def test_a_look_does_not_hang_on_a_target_that_does_not_answer():
    site = Site(seconds=0.05)
    site.storage.go_on.clear()

    with pytest.raises(Unavailable) as late:
        await site.looks.outlook(due(), None)

    assert late.value.retry_after_seconds > 0
    assert site.counted("given_up") == 1


async def test_so_many_looks_at_a_time_and_the_others_wait():
    site = Site()
    site.storage.go_on.clear()
    looks = [asyncio.create_task(site.looks.outlook(due(), None)) for _ in range(5)]
    await eventually(lambda: site.storage.under_way == 2)
    assert site.storage.asked == 2

    site.storage.go_on.set()

    outlooks = await asyncio.gather(*looks)
    assert [outlook.changes for outlook in outlooks] == [()] * 5
    assert site.counted("answered") == 5


async def test_a_target_that_is_known_to_be_away_is_not_called_for_a_look():
    site = Site()

    async def silent(desired: Any) -> Any:
        return dict.fromkeys(desired, TargetAway("copyparty", "does not answer"))

    site.storage.plan = silent
    with pytest.raises(TargetAway):
        await site.looks.outlook(due(), None)
    with pytest.raises(NotCalled):
        await site.looks.outlook(due(), None)
    assert (site.counted("away"), site.counted("not_called")) == (1, 1)


async def test_only_work_settles_a_target():
    site = Site()
    site.storage.unsettled = True
    with pytest.raises(Unsettled):
        await site.looks.outlook(due(), None)
    assert site.storage.unsettled
    assert site.counted("unsettled") == 1

    (outlook,) = await site.targets.outlooks([Case(due(), None)])
    assert outlook.changes == ()


async def test_looking_at_a_volume_that_is_not_loaded_yet_does_not_load_it(tmp_path):
    asked = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(404)

    http = httpx.AsyncClient(base_url="http://storage", transport=httpx.MockTransport(answer))
    files = VolumeFiles(tmp_path)
    storage = Alone(Copyparty(http, files, "admin", "secret", clock.now))
    files.replace({"siti": volume_text("siti", "password", "admin", ON.storage)})

    with pytest.raises(Unsettled):
        await storage.plan("siti", ON.storage)

    assert asked == []
    assert files.owes_reload("siti")
    await storage.close()


async def test_a_storage_that_is_set_up_no_longer_is_an_obstacle_and_no_defect():
    site = Site()

    outlook = await site.looks.outlook(due(policy=Policy("scim", "sftpgo")), None)

    (refused,) = outlook.refusals
    assert (refused.target, refused.code, refused.retryable) == ("storage", "not_set_up", True)
    assert "sftpgo" in refused.reason
