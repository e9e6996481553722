"""What the client charter promises: waited for, reminded of once, escalated once, and ended."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from decider_specification import given
from fixtures.procedure import approved, opened
from folds import incoming
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
    notice,
    reminded,
)

from bmt.agencies import register
from bmt.chassis.messaging.dispatch import bind
from services.notification.domain.correspondence import (
    Acknowledge,
    AwaitStep,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.notification_policy import NotificationPolicy
from services.notification.main import TABLE
from services.notification.views import level_of, wait_of, work_of

CORRECTED = (ACKNOWLEDGED, awaited(), due(notice("returned")), ended())
CONCLUDED = (ACKNOWLEDGED, due(notice("configured")))
STEPS = {
    "a review opened after the acknowledgement": ((ACKNOWLEDGED,), await_step(), [awaited()]),
    "a correction, anew": (CORRECTED, await_step(), [awaited(wait=2)]),
    "one that changes no day": ((ACKNOWLEDGED, awaited(), reminded()), await_step(), []),
    "nothing after the outcome": (CONCLUDED, await_step("configure"), []),
    "an acknowledgement ends no wait": (
        (awaited(),),
        Acknowledge(REQUEST, notice(), NOW),
        [due(notice())],
    ),
    "a reminder though its step ended": ((awaited(), ended()), REMINDED, [reminded()]),
}


@pytest.mark.parametrize(("before", "command", "then"), STEPS.values(), ids=STEPS)
def test_each_step_is_waited_for_once_until_it_ends(before, command, then):
    given(DECIDER, *before).when(command).then(*then)


def test_grants_are_to_be_confirmed_long_after_the_outcome_and_each_time_is_one_mail():
    command = replace(await_step("confirm"), only="reminder", grants=3)
    first = awaited("confirm").model_copy(update={"only": "reminder", "grants": 3})
    given(DECIDER, *CONCLUDED).when(command).then(first)
    later = first.model_copy(update={"wait": 2})
    given(DECIDER, *CONCLUDED, first).when(command).then(ended("confirm"), later)
    (one,) = work(first)
    assert level_of(one) == "reminder"


BEFORE, AFTER = DUE - timedelta(seconds=1), DUE


@pytest.mark.parametrize(
    ("since", "level", "at", "is_wanted"),
    [
        ((), "reminder", BEFORE, True),
        ((), "reminder", AFTER, False),
        ((), "escalation", AFTER, True),
        ((reminded("escalation"),), "escalation", AFTER, False),
        ((reminded(),), "escalation", AFTER, True),
        ((reminded(),), "reminder", BEFORE, False),
        ((ended(),), "reminder", BEFORE, False),
        ((ended(),), "escalation", AFTER, False),
    ],
)
def test_a_mail_is_wanted_until_it_was_sent_or_the_step_ended(since, level, at, is_wanted):
    wait = DECIDER.fold([awaited(), *since]).waits["decide-1"]
    assert wait.is_to_send(level, at) == is_wanted


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
