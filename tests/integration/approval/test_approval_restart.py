"""Approval stopped and started: what was heard meanwhile is not lost, what was said not said again."""

import pytest
from fixtures.samples import facts, received, withdrawal

from bmt.contracts.topics import DECISIONS
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration


async def test_it_goes_on_where_it_stopped(running, wire):
    request = facts()
    async with running(build, Settings):
        await wire.say(received(request))
        await wire.hear(DECISIONS, request.request_id, "ReviewOpened")
    await wire.say(withdrawal(request), sequence=2)
    async with running(build, Settings):
        await wire.hear(DECISIONS, request.request_id, "ReviewOpened", "Withdrawn")
    said = await wire.hear_until(DECISIONS, list)
    assert [one.name for one in said] == ["ReviewOpened", "Withdrawn"]
