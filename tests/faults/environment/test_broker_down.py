"""Kafka is away for a minute: whoever submits or decides meanwhile is served, and all is caught up soon after."""

import asyncio
import time

import pytest
from fixtures.problems import assert_problem
from fixtures.thoroughness import LONG
from procedures import approved, caught_up, filed_once, seen, submitted

pytestmark = [pytest.mark.faults, pytest.mark.integration]

AWAY_SECONDS = 60.0 if LONG else 2.0
CAUGHT_UP_WITHIN = 60.0
CALLERS = 4 if LONG else 1


async def test_calls_are_answered_while_the_broker_is_away_and_all_is_caught_up_after(site, aminah):
    accounts = await site.accounts(3)
    slowest, ids = 0.0, []
    open_before = await aminah.submit(account=await site.account())
    async with site.without("kafka"):
        ends = time.monotonic() + AWAY_SECONDS
        ids += await submitted(aminah, accounts)

        async def call_on() -> None:
            nonlocal slowest
            while time.monotonic() < ends:
                began = time.monotonic()
                ids.extend(await submitted(aminah, accounts[:1]))
                slowest = max(slowest, time.monotonic() - began)
                await asyncio.sleep(0.1)  # time itself is the fault

        first = await aminah.decide(open_before, "approve")
        second = await aminah.decide(open_before, "reject", reason="Lewat")
        assert first.status_code == 201, first.text
        assert_problem(second, "already_decided")
        await asyncio.gather(*(call_on() for _ in range(CALLERS)))
        assert await aminah.status(ids[0]) == "received"
        back_at = time.monotonic()
    await caught_up(site, "intake")
    await approved(aminah, ids[:3])
    for request_id in ids:
        await aminah.once_known("records", f"/v1/records/{request_id}")
    took = time.monotonic() - back_at
    seen("kafka_was_away", taken_in=len(ids), slowest_seconds=slowest, caught_up_after_seconds=took)
    assert took < CAUGHT_UP_WITHIN
    await filed_once(site, aminah, [open_before, *ids[:3]])
