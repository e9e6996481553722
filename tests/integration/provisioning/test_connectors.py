"""What every connector promises: one suite, run against the real IPMS, the real storage and the worklist."""

from datetime import timedelta

import pytest
from fixtures.alone import Alone

from bmt.chassis.runtime import clock
from services.provisioning.connectors.connector import NotCalled, TargetAway
from services.provisioning.connectors.targets import Worklist
from services.provisioning.domain.order import changes

pytestmark = pytest.mark.integration


async def test_what_was_applied_is_what_is_read_back(bench):
    for wanted in (bench.on, bench.more, bench.on):
        await bench.bring_about(wanted)

        reading = await bench.connector.read_back(bench.account)

        assert reading.effective == wanted
        assert reading.documents == bench.documents
        at = reading.read_back_at or reading.confirmed_at
        assert clock.now() - at < timedelta(seconds=5)
        assert (reading.confirmed_by is None) == (bench.by_hand is None)
        assert (reading.read_back_at is None) == (bench.by_hand is not None)


async def test_applying_twice_is_harmless(bench):
    await bench.bring_about(bench.on)
    await bench.connector.apply(bench.account, bench.on)

    assert (await bench.connector.read_back(bench.account)).effective == bench.on


async def test_a_plan_says_every_difference_and_changes_nothing(bench):
    before = (await bench.connector.read_back(bench.account)).effective

    plan = await bench.connector.plan(bench.account, bench.on)

    (target,) = {change.target for change in plan}
    assert tuple(plan) == changes(target, before, bench.on)
    assert {change.setting for change in plan} == {name for name, to in bench.on if to is not None}
    assert (await bench.connector.read_back(bench.account)).effective == before


async def test_nothing_is_planned_where_all_is_as_wanted(bench):
    await bench.bring_about(bench.on)

    assert tuple(await bench.connector.plan(bench.account, bench.on)) == ()


async def test_what_was_given_can_be_taken_away(bench):
    await bench.bring_about(bench.on)
    if bench.by_hand:
        bench.connector = Alone(Worklist(bench.off, None))

    await bench.bring_about(bench.off)

    assert (await bench.connector.read_back(bench.account)).effective == bench.off
    assert tuple(await bench.connector.plan(bench.account, bench.off)) == ()


async def test_a_target_without_an_answer_is_away(system):
    for attempt in (system.away.plan, system.away.apply):
        with pytest.raises(TargetAway):
            await attempt(system.account, system.on)
    with pytest.raises(TargetAway):
        await system.away.read_back(system.account)


async def test_a_list_is_answered_account_by_account(system):
    """What one account is refused, or where it is unknown, is no other's fault."""
    stranger = "../../nobody"

    await system.connector.connector.apply({system.account: system.on})
    readings = await system.connector.connector.read_back([stranger, system.account])

    assert set(readings) == {stranger, system.account}
    assert readings[system.account].effective == system.on


async def test_a_silent_target_answers_for_nobody(system):
    """An empty answer would be taken for accounts that were closed."""
    readings = await system.away.connector.read_back([system.account, "another@mygovuc.gov.my"])

    assert {type(one) for one in readings.values()} <= {TargetAway, NotCalled}
    assert len(readings) == 2
