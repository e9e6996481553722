"""What callers read, and what work is promised: folds of notification's own events."""

from dataclasses import replace
from typing import Any

import pytest
from folds import folded, incoming
from notices import NOW, REQUEST, SITI, due, failed, notice, notified, prepared

from services.notification.domain.events import ResendRequested, SentAgain
from services.notification.views import NOTICES, TrackedNotice, work_of

MAIL = notice("rejected", due_at=NOW)
PAPER = notice("acknowledgement", "letter")
RESEND = ResendRequested(
    request=REQUEST, notification_id="rejected", sending=2, requested_by=SITI, requested_at=NOW
)
AGAIN = SentAgain(request=REQUEST, notification_id="rejected", sending=2)


def told(*events: Any) -> list[TrackedNotice]:
    """The notices of one request, in the order in which they are listed."""
    of: dict[str, list[Any]] = {}
    for position, event in enumerate(events, start=1):
        one = replace(incoming(event), position=position)
        if (key := NOTICES.key(one)) is not None:
            of.setdefault(key, []).append(one)
    notices = [notice for some in of.values() if (notice := folded(NOTICES, some))]
    assert len(notices) == len(of)
    return sorted(notices, key=lambda one: one.place)


def statuses(*events: Any) -> dict[str, str]:
    return {one.notification_id: one.status for one in told(*events)}


def test_notices_stand_in_the_order_in_which_they_are_told():
    shown = told(due(PAPER), due(MAIL), prepared(PAPER))
    assert [one.about for one in shown] == ["acknowledgement", "rejected"]
    assert {(one.agency, one.account) for one in shown} == {("MAMPU", "ahmad.mampu@mygovuc.gov.my")}


def test_a_status_follows_the_message():
    way: list[Any] = [due(MAIL)]
    seen = [statuses(*way)["rejected"]]
    for event in (prepared(MAIL), failed(MAIL, "550"), RESEND, notified(MAIL), RESEND, AGAIN):
        way.append(event)
        seen.append(statuses(*way)["rejected"])
    assert seen == ["due", "prepared", "failed", "prepared", "notified", "prepared", "notified"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("550 5.1.1 <siti@example.my>: no such user", "mail_no_such_address"),
        ("550 no such user", "mail_no_such_address"),
        ("552 5.2.2 mailbox full", "mail_box_closed"),
        ("552 5.3.4 too big", "mail_too_large"),
        ("550 5.7.1 by policy", "mail_not_allowed"),
        ("554 5.6.0 no", "mail_refused"),
        ("451 4.7.1 try later", "mail_put_off"),
        ("never", "mail_refused"),
    ],
)
def test_a_refusal_has_a_code_until_it_is_sent_again(answer, code):
    way = (due(MAIL), prepared(MAIL), failed(MAIL, answer))
    assert told(*way)[0].as_listed().code == code
    assert told(*way, RESEND)[0].as_listed().code is None


def test_an_outcome_is_due_until_it_is_told():
    def overdue_from(*events: Any) -> list[Any]:
        return [one.overdue_from for one in told(*events)]

    waiting = (due(PAPER), due(MAIL), prepared(MAIL))
    assert overdue_from(*waiting) == [None, NOW]
    assert overdue_from(*waiting, prepared(PAPER), notified(PAPER)) == [None, NOW]
    assert overdue_from(*waiting, failed(MAIL, "550")) == [None, NOW]
    assert overdue_from(*waiting, notified(MAIL)) == [None, None]
    assert overdue_from(*waiting, notified(MAIL), RESEND) == [None, None]
    assert told(*waiting, notified(MAIL))[1].due_at == NOW


def work(event: Any) -> list[tuple[str, str]]:
    changes = work_of(incoming(event))
    return [(getattr(change, "target", "over"), change.id) for change in changes]


def test_a_notice_that_is_due_is_prepared_and_an_e_mail_is_sent():
    assert work(due(MAIL)) == [("prepare", "rejected:prepare")]
    assert work(due(PAPER)) == [("prepare", "acknowledgement:prepare")]
    assert work(prepared(MAIL)) == [("over", "rejected:prepare"), ("smtp", "rejected:1")]
    assert work(prepared(PAPER)) == []
    assert work(RESEND) == [("smtp", "rejected:2")]
    assert work(notified(MAIL)) == work(AGAIN) == []
