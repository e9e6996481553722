"""An agency changes its own rules in the console; agencies.yaml wins where it changes, and leaves the rest."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
import yaml
from decider_specification import given
from fixtures.memory_view_store import MemoryViewStore
from fixtures.service import AGENCIES_FILE
from hypothesis import given as with_any
from hypothesis import strategies as st
from reviews import NOW, record_rules
from test_bulk_decisions import Office

from bmt.agencies import register
from bmt.agencies.agency import Change, OwnRules
from bmt.agencies.charter import day_of
from bmt.agencies.register import RULES_IN_FORCE, RulesInForce, whole_rules
from bmt.chassis.readmodels.view_store import ViewDocument
from bmt.contracts.values import Officer
from services.approval.domain.agency_rules import (
    DECIDER,
    ChangeRules,
    RecordRules,
    WithdrawChange,
)
from services.approval.domain.errors import ChangeWaits, FieldsWrong, NoChangeWaits, RulesChanged
from services.approval.domain.events import RulesCameIntoForce
from services.approval.rules import SHARED, record

ROSNAH = Officer(subject="rosnah", name="Rosnah binti Idris", role="agency_manager")

TODAY = day_of(NOW)

LATER = TODAY + timedelta(10)

GB = 1_000_000_000


def agencies(**changes):
    rules = yaml.safe_load(AGENCIES_FILE.read_text())
    rules["MAMPU"] |= changes
    return register.parse(rules)


def of_file(at=NOW, **changes):
    agency = agencies(**changes).get("MAMPU")
    return RecordRules("MAMPU", agency.policy_version, whole_rules(agency.rules), None, at)


def change(number=1, since=TODAY, at=NOW, **changes):
    rules = agencies(**changes).get("MAMPU").rules
    own = OwnRules.model_validate({name: getattr(rules, name) for name in OwnRules.model_fields})
    return ChangeRules("MAMPU", own, since, "Arahan 9/2026", number, ROSNAH, at)


def withdraw(number=2, at=NOW):
    return WithdrawChange("MAMPU", "Ditangguhkan.", number, ROSNAH, at)


def told(*commands):
    """What was recorded of these commands, one after the other."""
    state, events = DECIDER.initial, []
    for command in commands:
        said = DECIDER.decide(command, state)
        state, events = DECIDER.fold(said, state), [*events, *said]
    return events


LARGER = {"quota_bytes": {"default": 20 * GB, "maximum": 50 * GB}}


def test_a_change_is_recorded_with_who_made_it_and_the_version_that_every_service_tells():
    after = (
        given(DECIDER, *told(of_file()))
        .when(change(**LARGER))
        .then_one(
            RulesCameIntoForce,
            number=2,
            changed_by="Rosnah binti Idris",
            changed_by_account="rosnah",
            why="Arahan 9/2026",
            in_force_from=TODAY,
            policy_version=agencies(**LARGER).get("MAMPU").policy_version,
        )
    )
    assert after.rules["quota_bytes"] == LARGER["quota_bytes"]
    assert after.file == {"quota_bytes": whole_rules(agencies().get("MAMPU").rules)["quota_bytes"]}


def test_the_file_that_stayed_the_same_changes_nothing_at_the_next_start():
    given(DECIDER, *told(of_file(), change(**LARGER))).when(of_file()).then_nothing()


def test_what_the_file_changes_holds_and_what_it_leaves_alone_stays_as_the_console_set_it():
    days = {"decide": 5, "configure": 1, "notify": 1}
    before = told(of_file(), change(charter_working_days=days, **LARGER))
    smaller = {"default": GB, "maximum": 2 * GB}
    after = (
        given(DECIDER, *before)
        .when(of_file(quota_bytes=smaller, state="johor"))
        .then_one(RulesCameIntoForce, number=3, changed_by=None, changed_by_account=None)
    )
    assert after.rules["quota_bytes"] == smaller
    assert after.rules["state"] == "johor"
    assert after.rules["charter_working_days"] == days
    assert list(after.file) == ["charter_working_days"]


def test_a_change_for_a_later_day_waits_and_a_changed_file_leaves_it_waiting():
    before = told(of_file(), change(since=LATER, **LARGER))
    state = DECIDER.fold(before)
    assert state.on(TODAY)[0].number == 1
    assert state.on(LATER)[0].number == 2
    now, again = told(of_file(), change(since=LATER, **LARGER), of_file(approval_levels=2))[2:]
    assert (now.number, now.rules["approval_levels"], now.in_force_from) == (3, 2, None)
    assert now.rules["quota_bytes"]["default"] == 10 * GB
    assert (again.number, again.in_force_from, again.changed_by) == (4, LATER, ROSNAH.name)
    assert again.rules["approval_levels"] == 2
    assert again.rules["quota_bytes"] == LARGER["quota_bytes"]


def test_one_change_waits_at_a_time_and_can_be_withdrawn():
    before = told(of_file(), change(since=LATER, **LARGER))
    given(DECIDER, *before).when(change(2, approval_levels=2)).then_refused(ChangeWaits)
    back = (
        given(DECIDER, *before)
        .when(withdraw())
        .then_one(
            RulesCameIntoForce, number=3, withdraws=2, in_force_from=TODAY, why="Ditangguhkan."
        )
    )
    assert back.rules == before[0].rules
    given(DECIDER, *before, back).when(change(3, approval_levels=2)).then_one(RulesCameIntoForce)
    given(DECIDER, *before, back).when(withdraw(3)).then_refused(NoChangeWaits)
    in_force = withdraw(2, at=NOW + timedelta(10))
    given(DECIDER, *before).when(in_force).then_refused(NoChangeWaits)


def test_who_read_another_version_is_refused():
    refused = given(DECIDER, *told(of_file(), change(**LARGER))).when(change(1))
    refused.then_refused(RulesChanged, number=2)
    given(DECIDER).when(change(1)).then_refused(RulesChanged, number=0)


OWN = {"officer": "ROSNAH", "on_behalf_of": "KP", "from": TODAY, "until": LATER}


@pytest.mark.parametrize(
    ("changes", "since", "pointer", "code"),
    [
        (LARGER, TODAY - timedelta(1), "/in_force_from", "day_passed"),
        (LARGER, TODAY + timedelta(400), "/in_force_from", "day_too_far"),
        ({}, TODAY, "", "nothing_changes"),
        ({"acting": [OWN]}, TODAY, "/rules/acting/0/officer", "own_appointment"),
    ],
)
def test_every_fault_is_named(changes, since, pointer, code):
    command = change(since=since, **changes)
    refused = given(DECIDER, *told(of_file())).when(command).then_refused(FieldsWrong)
    assert [(one.pointer, one.code) for one in refused.errors] == [(pointer, code)]


def test_an_appointment_that_the_file_made_of_the_manager_stays():
    command = change(acting=[OWN], approval_levels=2)
    given(DECIDER, *told(of_file(acting=[OWN]))).when(command).then_one(
        RulesCameIntoForce, number=2
    )


async def seen(events, file, at=NOW):
    """MAMPU's rules in a service that read this file, and the view."""
    document = None
    for event in events:
        document = SHARED.fold(document, SimpleNamespace(data=event))
    store = MemoryViewStore()
    await store.save(RULES_IN_FORCE, [ViewDocument("MAMPU", document, {}, 1)])
    rules = RulesInForce(file, store, lambda: at)
    await rules.refresh()
    return file.get("MAMPU")


async def test_every_service_learns_a_change_and_a_waiting_one_on_its_day():
    events = told(of_file(), change(approval_levels=2), change(2, since=LATER, **LARGER))
    now = await seen(events, agencies())
    assert (now.rules.approval_levels, now.rules.quota_bytes.default) == (2, 10 * GB)
    assert now.policy_version == events[1].policy_version
    then = await seen(events, agencies(), NOW + timedelta(10))
    assert then.rules.quota_bytes.default == 20 * GB
    assert then.policy_version == events[2].policy_version


async def test_a_service_whose_file_is_newer_than_approvals_decides_as_approval_will():
    events = told(of_file(), change(approval_levels=2, **LARGER))
    newer = agencies(approval_levels=3, state="johor")
    there = await seen(events, newer)
    (*_, recorded) = told(
        of_file(), change(approval_levels=2, **LARGER), of_file(approval_levels=3, state="johor")
    )
    assert whole_rules(there.rules) == recorded.rules
    assert there.policy_version == recorded.policy_version


async def test_a_withdrawn_change_never_comes():
    events = told(of_file(), change(since=LATER, **LARGER), withdraw())
    then = await seen(events, agencies(), NOW + timedelta(20))
    assert then.policy_version == agencies().get("MAMPU").policy_version


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
