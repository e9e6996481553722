"""Rules are recorded when they come into force: once, with who changed them; and again when they come back."""

from datetime import date

import pytest
import yaml
from decider_specification import given
from hypothesis import given as with_any
from hypothesis import strategies as st
from reviews import NOW, record_rules
from test_bulk_decisions import Office
from test_rules_changed import agencies

from bmt.agencies import register
from bmt.agencies.agency import Change
from services.approval.domain.agency_rules import DECIDER
from services.approval.domain.events import RulesCameIntoForce
from services.approval.rules import record

ONE, TWO = {"approval_levels": 1}, {"approval_levels": 20}
CHANGE = Change(by="Siti binti Ali", on=date(2025, 11, 24), why="Arahan 7/2025")


def in_force(rules=ONE, number=1, change=None):
    command = record_rules(rules)
    return RulesCameIntoForce(
        agency="MAMPU",
        number=number,
        policy_version=command.policy_version,
        rules=rules,
        changed_by=change and change.by,
        changed_on=change and change.on,
        why=change and change.why,
        recorded_at=NOW,
    )


def test_who_changed_them_is_not_taken_over_from_an_earlier_change():
    first = in_force(ONE, 1, CHANGE)
    given(DECIDER, first).when(record_rules(TWO, CHANGE)).then(in_force(TWO, 2))
    other = CHANGE.model_copy(update={"why": "Arahan 8/2025"})
    given(DECIDER, first).when(record_rules(TWO, other)).then(in_force(TWO, 2, other))
    given(DECIDER, first, in_force(TWO, 2, other)).when(record_rules(ONE, CHANGE)).then(
        in_force(ONE, 3)
    )


@with_any(st.lists(st.sampled_from([ONE, TWO, {"approval_levels": 300}]), max_size=12))
def test_there_is_one_entry_for_each_time_that_they_differ(files):
    state, events = DECIDER.initial, []
    for rules in files:
        said = list(DECIDER.decide(record_rules(rules), state))
        state = DECIDER.fold(said, state)
        events += said
    differ = [r for before, r in zip([None, *files], files, strict=False) if r != before]
    assert [event.rules for event in events] == differ
    assert [event.number for event in events] == list(range(1, len(differ) + 1))


@pytest.fixture
def office():
    return Office()


async def recorded(office):
    return [
        commit.events[0].data
        for commit in (await office.store.load(["agency-MAMPU"]))["agency-MAMPU"]
    ]


async def test_rules_that_decide_on_no_request_are_recorded_too(office):
    await record(agencies(), office.execution, lambda: NOW)
    await record(agencies(record_retention_years=10), office.execution, lambda: NOW)
    one, two = await recorded(office)
    assert one["policy_version"] == two["policy_version"]
    assert (two["number"], two["rules"]["record_retention_years"]) == (2, 10)


async def test_what_is_recorded_tells_the_version_again(office):
    changed = agencies(approval_levels=2, changed=CHANGE.model_dump())
    await record(changed, office.execution, lambda: NOW)
    (entry,) = await recorded(office)
    assert (entry["changed_by"], entry["changed_on"]) == (CHANGE.by, "2025-11-24")
    assert "changed" not in entry["rules"]
    again = yaml.safe_load(yaml.safe_dump({"MAMPU": entry["rules"]}))
    assert register.parse(again).get("MAMPU").policy_version == entry["policy_version"]
