"""Rules are on record once, however many replicas start at once; each change, and each way back, is an entry."""

import asyncio
from contextlib import AsyncExitStack
from datetime import date

import pytest
from eventually import eventually
from fixtures.agencies import written
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register
from bmt.chassis.runtime.mongodb import connect
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration

SITI = ("administrator", "MAMPU", "siti", "Siti")
CHANGED = {"by": "Siti binti Ali", "on": date(2026, 11, 1), "why": "Arahan 7/2026"}
REPLICAS = 2


async def rules(client, as_, *who, code="MAMPU", **asked):
    return await client.get(f"/v1/agencies/{code}/rules", headers=as_(*who), params=asked)


async def entries(client, as_, count):
    answer = await rules(client, as_, *SITI)
    items = answer.json()["items"]
    assert len(items) == count
    return items


async def started_at_once(running, count, **settings):
    """The first of `count` replicas, and what stops them all."""
    stack = AsyncExitStack()
    clients = await asyncio.gather(
        *(stack.enter_async_context(running(build, Settings, **settings)) for _ in range(count))
    )
    return clients[0], stack


async def test_replicas_that_start_at_once_record_rules_once(running, as_, surroundings, mongodb):
    client, replicas = await started_at_once(running, REPLICAS)
    async with replicas:
        (only,) = await eventually(lambda: entries(client, as_, 1))
    assert (only["agency"], only["number"]) == ("MAMPU", 1)
    assert only["policy_version"] == register.read(AGENCIES_FILE).get("MAMPU").policy_version
    assert only["rules"]["quota_bytes"] == {"default": 10**10, "maximum": 10**11}
    assert only["rules"]["approval_levels"] == 1
    store = connect(mongodb)
    commits = store[f"{surroundings.name}_approval"]["commits"]
    for agency in ("MAMPU", "JPA", "KPM"):
        assert await commits.count_documents({"stream": f"agency-{agency}"}) == 1
    store.close()


async def test_each_change_is_an_entry_and_so_is_going_back(running, as_, tmp_path):
    plain = written(tmp_path / "plain.yaml")
    two = written(tmp_path / "two.yaml", approval_levels=2, changed=CHANGED)
    for number, file in enumerate((plain, two, two, plain)):
        async with running(build, Settings, agencies_file=file) as client:
            expected = (1, 2, 2, 3)[number]
            newest = (await eventually(lambda: entries(client, as_, expected)))[0]  # noqa: B023
            assert newest["number"] == expected
    async with running(build, Settings, agencies_file=two) as client:
        back, third, second, first = await eventually(lambda: entries(client, as_, 4))
        assert (second["changed_by"], second["changed_on"], second["why"]) == (
            "Siti binti Ali",
            "2026-11-01",
            "Arahan 7/2026",
        )
        assert (back["changed_by"], back["policy_version"]) == (None, second["policy_version"])
        assert third["rules"] == first["rules"]
        assert second["rules"]["approval_levels"] == 2
        named = await rules(client, as_, *SITI, policy_version=first["policy_version"])
        assert [one["number"] for one in named.json()["items"]] == [3, 1]
        page = (await rules(client, as_, *SITI, limit=3)).json()
        rest = (await rules(client, as_, *SITI, cursor=page["next_cursor"])).json()
        assert [one["number"] for one in page["items"] + rest["items"]] == [4, 3, 2, 1]
