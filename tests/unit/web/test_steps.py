"""Which steps of a request are done, which one is now, and what it waits for."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from web import wording
from web.steps import Away, Due, Facts, due_of, outcome_of, steps_of

BEGAN = datetime(2026, 12, 1, 1, tzinfo=UTC)
"""Tuesday, 09:00 in Malaysia."""
GB = 10**9


class Event(NamedTuple):
    step: str
    at: datetime
    by: str | None


def history(*steps):
    """What happened, an hour apart; `approved:aminah` says by whom."""
    told = (one.partition(":") for one in steps)
    return [
        Event(step, BEGAN + timedelta(hours=hour), by or "approval")
        for hour, (step, _, by) in enumerate(told)
    ]


APPROVED = ("received:siti", "review_opened", "acknowledged", "approved:Aminah")
CONFIGURED = (*APPROVED, "configuring", "configured")
FILED = (*CONFIGURED, "notified", "filed:records")


AHEAD = ["received", "decision", "configuration", "notice", "filing"]
REJECTED = ("received:siti", "acknowledged", "rejected:Aminah")
WITHDRAWN = ("received:siti", "withdrawn:siti")
PREPARED = (*CONFIGURED, "notification_prepared")


@pytest.mark.parametrize(
    ("status", "happened", "labels", "waits_for"),
    [
        ("received", ["received:siti"], "received decision*", "decision"),
        ("returned", ["received", "returned:Aminah"], "received returned*", "correction"),
        ("received", ["received", "returned", "received"], "received decision*", "decision"),
        ("received", ["received", "withdrawal_requested"], "received decision*", "withdrawal"),
        ("approved", APPROVED, "received approved configuration*", "turn"),
        ("configuring", [*APPROVED, "configuring"], "received approved configuration*", "targets"),
        (
            *("awaiting_operator", [*APPROVED, "awaiting_operator"]),
            *("received approved configuration*", "officer"),
        ),
        (
            *("configuration_failed", [*APPROVED, "configuration_failed"]),
            *("received approved configuration_failed!", "mending"),
        ),
        ("configured", CONFIGURED, "received approved configured notice*", "composing"),
        ("configured", PREPARED, "received approved configured notice*", "sending"),
        (
            *("configured", [*PREPARED, "notification_failed"]),
            *("received approved configured notification_failed!", "resending"),
        ),
        (
            *("notified", [*CONFIGURED, "notified"]),
            *("received approved configured notified filing*", "filing"),
        ),
        ("filed", FILED, "received approved configured notified filed", None),
        ("rejected", REJECTED, "received rejected notice* filing", "composing"),
        ("filed", [*REJECTED, *FILED[-2:]], "received rejected notified filed", None),
        ("filed", [*WITHDRAWN, *FILED[-2:]], "received withdrawn notified filed", None),
        ("filed", [], "received approved configured notified filed", None),
    ],
)
def test_the_status_says_which_step_is_now_and_the_history_which_way_it_went(
    status, happened, labels, waits_for
):
    """`*`: it is now, `!`: it failed; what comes after is ahead."""
    steps = steps_of(status, history(*happened))
    marks = {"now": "*", "failed": "!"}
    expected = labels.split()
    if "rejected" not in labels and "withdrawn" not in labels:
        expected += AHEAD[len(expected) :]
    assert [one.label + marks.get(one.state, "") for one in steps] == expected
    (now, *_) = [one for one in steps if one.state in marks] or [None]
    assert (now.waits_for if now else None) == waits_for
    states = [one.state for one in steps]
    assert states == sorted(states, key=["done", "now", "failed", "ahead"].index)


def test_every_reason_to_wait_has_words():
    assert set(wording.WAITS_FOR) == {
        *("decision", "another_decision", "correction", "withdrawal", "turn", "targets"),
        *("officer", "mending", "new_request", "composing", "sending", "handing_over"),
        *("resending", "filing", "ipms_away", "storage_away"),
        *("ipms_maintenance", "storage_maintenance"),
    }


def test_people_have_names_and_services_none():
    steps = steps_of("approved", history(*APPROVED), Facts(names={"siti": "Siti binti Ali"}))
    assert [one.by for one in steps[:2]] == ["Siti binti Ali", "Aminah"]
    filed = steps_of("filed", history(*FILED))
    assert filed[-1].by is None
    assert filed[-1].at == BEGAN + timedelta(hours=7)


def test_what_others_know_is_told_beside_the_step_that_is_now():
    due = Due(BEGAN, is_late=True, working_days=2)
    waiting = Facts(dues={"decided": due}, more_approvals=True)
    assert steps_of("received", history("received"), waiting)[1].due == due
    assert steps_of("received", history("received"), waiting)[1].waits_for == "another_decision"
    failed = history(*APPROVED, "configuration_failed")
    hopeless = steps_of("configuration_failed", failed, Facts(hopeless=True))[2]
    assert (hopeless.waits_for, hopeless.at) == ("new_request", failed[-1].at)
    prepared = steps_of("configured", history(*PREPARED), Facts(on_paper=True))[3]
    assert prepared.waits_for == "handing_over"


@pytest.mark.parametrize(
    ("away", "waits_for"),
    [
        (Away("storage", BEGAN), "storage_away"),
        (Away("ipms", BEGAN, in_maintenance=True), "ipms_maintenance"),
    ],
)
@pytest.mark.parametrize("status", ["approved", "configuring"])
def test_a_target_that_is_away_is_what_the_configuration_waits_for(status, away, waits_for):
    happened = history(*APPROVED, *([] if status == "approved" else [status]))
    now = steps_of(status, happened, Facts(away=away))[2]
    assert (now.waits_for, now.at) == (waits_for, BEGAN)


@pytest.mark.parametrize(
    ("status", "happened", "decision", "quota", "tone"),
    [
        ("received", ["received"], None, None, "wait"),
        ("returned", ["received", "returned"], None, None, "wait"),
        ("approved", APPROVED, "approved", 15 * GB, "good"),
        ("configuration_failed", APPROVED, "approved", 15 * GB, "bad"),
        ("filed", FILED, "approved", 15 * GB, "good"),
        ("filed", ["received", "rejected", "notified", "filed"], "rejected", None, "bad"),
        ("notified", ["received", "withdrawn", "notified"], "withdrawn", None, ""),
    ],
)
def test_what_was_decided_is_told_however_far_it_is(status, happened, decision, quota, tone):
    outcome = outcome_of(status, history(*happened), 15 * GB)
    assert (outcome.decision, outcome.quota_bytes, outcome.tone) == (decision, quota, tone)


@pytest.mark.parametrize(
    ("at", "is_late", "days"),
    [
        (BEGAN + timedelta(hours=8), False, 0),
        (BEGAN + timedelta(days=3), False, 3),
        (BEGAN + timedelta(days=6), False, 4),  # over a weekend
        (BEGAN - timedelta(days=1), True, 1),
        (BEGAN - timedelta(days=4), True, 2),
        (BEGAN - timedelta(hours=1), True, 0),
        (BEGAN - timedelta(days=4000), True, 250),
    ],
)
def test_working_days_are_counted_as_the_charter_counts_them(at, is_late, days):
    due = due_of(at, BEGAN, None)
    assert due.is_late == is_late
    assert due.working_days == days or (days == 250 and due.working_days > 240)
