"""What the client charter promises: waited for, reminded of once, escalated once, and ended."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from decider_specification import given
from fixtures.procedure import approved, opened
from notices import (
    ACKNOWLEDGED,
    AGENCIES,
    DUE,
    NOW,
    REMIND,
    REMINDED,
    REQUEST,
    await_step,
    awaited,
    due,
    ended,
    incoming,
    notice,
    reminded,
)

from bmt.agencies import register
from bmt.chassis.messaging.dispatch import bind
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
    Wait,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.notification_policy import NotificationPolicy
from services.notification.main import TABLE
from services.notification.views import level_of, wait_of, work_of


def test_a_review_that_is_opened_after_the_acknowledgement_is_waited_for():
    given(DECIDER, ACKNOWLEDGED).when(await_step()).then(awaited())


def test_a_correction_is_waited_for_anew():
    before = (ACKNOWLEDGED, awaited(), due(notice("returned")), ended())
    given(DECIDER, *before).when(await_step()).then(awaited(wait=2))


def test_a_correction_that_changes_no_day_reminds_nobody_again():
    given(DECIDER, ACKNOWLEDGED, awaited(), reminded()).when(await_step()).then_nothing()


def test_an_acknowledgement_ends_nothing():
    given(DECIDER, awaited()).when(Acknowledge(REQUEST, notice(), NOW)).then(due(notice()))


def test_what_is_heard_after_the_outcome_is_not_waited_for():
    given(DECIDER, ACKNOWLEDGED, due(notice("configured"))).when(
        await_step("configure")
    ).then_nothing()


def test_grants_are_to_be_confirmed_long_after_the_outcome_and_each_time_is_one_mail():
    told = (ACKNOWLEDGED, due(notice("configured")))
    command = replace(await_step("confirm"), only="reminder", grants=3)
    first = awaited("confirm").model_copy(update={"only": "reminder", "grants": 3})
    given(DECIDER, *told).when(command).then(first)
    later = first.model_copy(update={"wait": 2})
    given(DECIDER, *told, first).when(command).then(ended("confirm"), later)
    (work,) = work_of(incoming(first, subject=REQUEST.request_id))
    assert level_of(work) == "reminder"


def test_a_reminder_is_remembered_if_its_step_ended_meanwhile():
    given(DECIDER, awaited(), ended()).when(REMINDED).then(reminded())


def wait(*events) -> Wait:
    return DECIDER.fold([awaited(), *events]).waits["decide-1"]


def test_a_mail_is_wanted_until_it_was_sent_or_the_step_ended():
    before, after = DUE - timedelta(seconds=1), DUE
    assert wait().is_to_send("reminder", before)
    assert not wait().is_to_send("reminder", after)
    assert wait().is_to_send("escalation", after)
    assert not wait(reminded("escalation")).is_to_send("escalation", after)
    assert wait(reminded()).is_to_send("escalation", after)
    assert not wait(reminded()).is_to_send("reminder", before)
    assert not wait(ended()).is_to_send("reminder", before)
    assert not wait(ended()).is_to_send("escalation", after)


def agencies(**keys):
    (mampu,) = [agency for agency in AGENCIES if agency.code == "MAMPU"]
    rules = mampu.rules.model_dump(by_alias=True, mode="json")
    return register.parse({"MAMPU": {**rules, **keys}})


async def follows(event, rules, at=REQUEST.received_at):
    handle = bind(TABLE, agencies=rules, clock=lambda: NOW)[type(event)]
    message = await handle(incoming(event, at=at))
    return message and message.command


OFFICE = {"office_email": "pejabat@mampu.gov.my"}


@pytest.mark.parametrize("event", [opened(REQUEST), approved(REQUEST)])
async def test_nothing_is_waited_for_where_nobody_wants_to_be_reminded(event):
    assert await follows(event, agencies()) is None
    assert await follows(event, agencies(escalation_email="ketua@mampu.gov.my")) is not None


async def test_a_review_is_reminded_of_in_the_morning_of_the_working_day_before():
    assert await follows(opened(REQUEST), agencies(**OFFICE)) == AwaitStep(
        REQUEST, "decide", REMIND.replace(day=26), opened(REQUEST).due_at
    )
    earlier = await follows(opened(REQUEST), agencies(**OFFICE, remind_working_days_before=2))
    assert earlier.remind_at == datetime(2025, 11, 25, 0, tzinfo=UTC)


async def test_configuring_is_due_by_the_charter_from_the_decision_and_not_reminded_of_at_once():
    assert await follows(approved(REQUEST), agencies(**OFFICE)) == AwaitStep(
        REQUEST,
        "configure",
        datetime(2025, 11, 25, 0, tzinfo=UTC),
        datetime(2025, 11, 25, 9, tzinfo=UTC),
    )


def work(*events):
    return [one for event in events for one in work_of(incoming(event, subject=REQUEST.request_id))]


def test_a_wait_gives_two_mails_to_send_and_its_end_takes_them_back():
    reminder, escalation = work(awaited())
    assert (reminder.due_at, escalation.due_at) == (REMIND, DUE)
    assert [(wait_of(one), level_of(one)) for one in (reminder, escalation)] == [
        ("decide-1", "reminder"),
        ("decide-1", "escalation"),
    ]
    assert [one.id for one in work(ended())] == [reminder.id, escalation.id]
    assert [one.id for one in work(reminded())] == [reminder.id]
    assert {one.id for one in work(awaited(wait=2))}.isdisjoint({reminder.id, escalation.id})


def test_what_was_approved_is_configured_on_a_day_on_which_the_agency_is_open():
    approved_at = datetime(2026, 12, 23, 2, tzinfo=UTC)
    closed = NotificationPolicy("MAMPU", closed_days=frozenset({date(2026, 12, 24)}))
    assert closed.configured_by(approved_at) == datetime(2026, 12, 28, 9, tzinfo=UTC)
