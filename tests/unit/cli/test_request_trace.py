"""What one request waits for, and what is stuck, from what the services know of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bmt.chassis.messaging.parking import Parked, Record
from bmt.chassis.work import WorkItem
from bmt.cli.parked import Waiting
from bmt.cli.request_trace import (
    Notice,
    Trace,
    TracedCommit,
    TracedEvent,
    document,
    lines,
    shown_causation,
    stuck,
    waits_for,
)
from bmt.reconciliation import Missing

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUEST = "01a227b4-e10b-731e-94a0-57807fa2536e"


def commit(service, *names, version=1, ago=10, outbox=False, causation="cmd:0a", refusal=None):
    at = NOW - timedelta(seconds=ago)
    events = tuple(
        TracedEvent(f"{name}-id", f"my.gov.bmt.{name}.v1", at, public=True) for name in names
    )
    return TracedCommit(
        service, f"request-{REQUEST}", version, at, causation, outbox, events, refusal
    )


def trace(status="received", *commits, **known):
    facts = (REQUEST, "BMT-MAMPU-2026-YPZTE8ZH", "MAMPU", "application")
    return Trace(*facts, status, commits or [commit("intake", "RequestReceived")], **known)


def missing(ago):
    at = NOW - timedelta(seconds=ago)
    return Missing("approval", "provisioning", "Approved-id", f"request-{REQUEST}", 2, at)


def parked(due_at=None):
    headers = (("ce_type", b"my.gov.bmt.Approved.v1"),)
    record = Record("bmt.decisions.v1", 0, 7, REQUEST, headers, b"{}", REQUEST.encode())
    return Waiting("provisioning", Parked(record, "KeyError", 6, due_at, NOW))


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("received", "It waits for an administrator of MAMPU to decide."),
        ("returned", "It waits for the applicant, who has to correct it."),
        ("approved", "It waits for provisioning to configure it."),
        ("configuring", "It waits for provisioning to configure it."),
        ("awaiting_operator", "It waits for an officer, who has to do its task by hand"),
        ("configured", "It waits for notification to tell its user the outcome."),
        ("rejected", "It waits for notification to tell its user the outcome."),
        ("withdrawn", "It waits for notification to tell its user the outcome."),
        ("notified", "It waits for records to file its documents."),
        ("filed", "It waits for nothing: it is filed."),
    ],
)
def test_each_status_waits_for_somebody(status, sentence):
    assert waits_for(trace(status), NOW).startswith(sentence)
    assert stuck(trace(status), NOW) == []


def test_a_first_approval_of_two_waits_for_another_administrator():
    endorsed = trace("received", commit("approval", "approval.Endorsed", version=2))
    assert waits_for(endorsed, NOW) == "It waits for another administrator of MAMPU to decide."


def test_open_work_says_for_which_target_and_until_when():
    due = NOW + timedelta(minutes=1)
    work = {"provisioning": [WorkItem("1:0", "scim", REQUEST, due, attempts=3)]}
    assert waits_for(trace("configuring", work=work), NOW) == (
        "It waits for provisioning to configure it: scim, after 3 attempts,"
        " it is due 2026-11-24 12:01:00 UTC."
    )


def test_a_request_does_not_wait_for_another_system_to_be_told():
    work = {"notification": [WorkItem("w:1", "webhook.MAMPU.payroll", REQUEST, NOW, attempts=9)]}
    assert waits_for(trace("configured", work=work), NOW) == (
        "It waits for notification to tell its user the outcome."
    )


def test_a_paper_waits_for_somebody_to_hand_it_over():
    notices = [
        Notice("1", "acknowledgement", "memo", "notified"),
        Notice("2", "configured", "memo", "prepared"),
    ]
    known = trace("configured", notices=notices)
    assert waits_for(known, NOW) == "It waits for somebody to hand over the memo (configured)."


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("intake.InboxItemReceived", "It waits in the inbox"),
        ("intake.InboxItemDismissed", "It waits for nothing: the inbox item was dismissed."),
        ("Filed", "It waits for nothing: it is filed, and its working copies were removed."),
        ("RequestReceived", "Intake does not show it"),
    ],
)
def test_what_intake_does_not_show_is_told_by_its_events(name, sentence):
    assert waits_for(trace(None, commit("intake", name)), NOW).startswith(sentence)


def test_an_event_on_its_way_is_named_with_its_consumer_and_stuck_after_a_minute():
    approved = commit("approval", "Approved", version=2)
    young = trace("approved", approved, unrecorded=[missing(ago=5)])
    assert stuck(young, NOW) == []
    assert waits_for(young, NOW) == (
        "It is on its way: provisioning has not recorded approval's Approved yet."
    )
    (line,) = stuck(trace("approved", approved, unrecorded=[missing(ago=61)]), NOW)
    assert line.startswith("provisioning has not recorded approval's Approved, of 2026-11-24 11:58")


def test_a_parked_event_is_stuck_and_comes_first():
    known = trace("approved", parked=[parked()], unrecorded=[missing(ago=61)])
    assert len(stuck(known, NOW)) == 2
    assert waits_for(known, NOW) == (
        "It is stuck: provisioning failed on Approved: an operator has to look at it"
        " (`bmt parked list`)."
    )
    again = trace("approved", parked=[parked(due_at=NOW)])
    assert "(6 tries) and tries again by itself" in stuck(again, NOW)[0]


def test_a_failed_configuration_and_a_failed_notice_are_stuck():
    assert "bmt failures retry" in waits_for(trace("configuration_failed"), NOW)
    failed = trace("configured", notices=[Notice("1", "configured", "email", "failed")])
    assert "the notice configured by email failed" in waits_for(failed, NOW)


def test_a_causation_that_has_another_form_than_ours_is_not_shown():
    assert shown_causation(f"work:{REQUEST}:0:started") == f"work:{REQUEST}:0:started"
    assert shown_causation("siti.mampu@mygovuc.gov.my") == "(not shown)"
    known = trace("received", replace(commit("intake", "X"), causation="Siti binti Ahmad"))
    assert "Siti" not in json.dumps(document(known, NOW), default=str) + "\n".join(
        lines(known, NOW)
    )
