"""An office is told once of each failure of a configuration, and of none that is past."""

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime

import pytest
from decider_specification import given
from notices import (
    DOCUMENT,
    NOW,
    REQUEST,
    TELL_OF_FAILURE,
    due,
    failure_due,
    incoming,
    notice,
    prepared,
)
from test_reminding import ABOVE, OFFICE, Room, agencies

from bmt.chassis.messaging.dispatch import bind
from bmt.chassis.work import Done, Later, WorkItem
from bmt.contracts.events import ConfigurationFailed
from services.notification.domain.correspondence import (
    NotifyOfDelay,
    RecordFailureSent,
    RecordPrepared,
)
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.errors import NothingFailed, UnknownRequest
from services.notification.domain.events import AcknowledgementSuperseded, FailureTold
from services.notification.main import TABLE
from services.notification.reminding import OfficeMail
from services.notification.smtp import MailRefused
from services.notification.views import failure_of, work_of

FAILED = ConfigurationFailed(
    request=REQUEST, target="ipms", reason="IPMS refuses siti with 403", retryable=True
)
DUE = failure_due(1)
ID = f"<{REQUEST.request_id}.failure-1@mygovuc.gov.my>"
TOLD = FailureTold(request=REQUEST, failure=1, message_id=ID, recipient=OFFICE)
CONCLUDED = (due(notice("acknowledgement")), due(notice("configured")))


def test_each_failure_is_told_once():
    given(DECIDER, DUE).when(RecordFailureSent(1, ID, OFFICE)).then(TOLD)
    given(DECIDER, DUE, TOLD).when(RecordFailureSent(1, ID, OFFICE)).then_nothing()
    given(DECIDER, *CONCLUDED).when(TELL_OF_FAILURE).then_nothing()


async def test_each_failure_is_known_here():
    handle = bind(TABLE, agencies=agencies(), clock=lambda: NOW)
    message = await handle[ConfigurationFailed](incoming(FAILED, at=NOW))
    assert message is not None
    assert message.command == TELL_OF_FAILURE


@pytest.mark.parametrize(
    ("keys", "addresses"),
    [({"office_email": OFFICE}, [OFFICE]), ({"escalation_email": ABOVE}, [ABOVE]), ({}, [])],
)
async def test_who_has_an_address_is_told(keys, addresses):
    room = replace(Room([DUE]), rules=agencies(**keys))
    assert await told(room) == Done()
    assert [address for address, _ in room.mails] == addresses


DELAY = notice("approved")
TELL_OF_DELAY = NotifyOfDelay(DELAY, REQUEST.agency, NOW)
ACKNOWLEDGED = due(notice("acknowledgement"))


def test_an_applicant_is_told_of_a_delay_once_a_configuration_failed_and_before_the_outcome():
    given(DECIDER, ACKNOWLEDGED, DUE).when(TELL_OF_DELAY).then(due(DELAY))
    given(DECIDER, ACKNOWLEDGED).when(TELL_OF_DELAY).then_refused(NothingFailed)
    given(DECIDER, DUE, *CONCLUDED).when(TELL_OF_DELAY).then_refused(NothingFailed)
    elsewhere = NotifyOfDelay(DELAY, "JPA", NOW)
    given(DECIDER, ACKNOWLEDGED, DUE).when(elsewhere).then_refused(UnknownRequest)


def test_a_paper_about_a_delay_is_not_handed_over_beside_the_outcomes():
    delay, outcome = notice("approved", "memo"), notice("configured", "memo")
    ready = (ACKNOWLEDGED, DUE, due(delay), prepared(delay), due(outcome))
    superseded = AcknowledgementSuperseded(
        request=REQUEST, notification_id="approved", by="configured"
    )
    given(DECIDER, *ready).when(RecordPrepared("configured", DOCUMENT)).then(
        prepared(outcome), superseded
    )


def test_a_failure_gives_one_mail_to_send():
    (work,) = work_of(incoming(DUE, subject=REQUEST.request_id))
    assert failure_of(work) == "failure-1"
    assert [one.id for one in work_of(incoming(TOLD, subject=REQUEST.request_id))] == [work.id]


async def told(room: Room, number: int = 1):
    id_ = f"{REQUEST.request_id}:failure-{number}"
    item = WorkItem(id_, "failures", REQUEST.request_id, NOW, 1)
    console = "https://bmt.example/console"
    mail = OfficeMail(room, room.rules, room, lambda: NOW, "bmt@mygovuc.gov.my", console)
    return await mail.report_failure(item)


async def test_the_mail_says_what_to_do_and_names_nobody():
    room = Room([DUE])
    assert [await told(room) for _ in range(2)] == [Done(), Done()]
    ((address, raw),) = room.mails
    mail = message_from_bytes(raw, policy=default)
    assert (address, mail["Message-ID"]) == (OFFICE, ID)
    assert parsedate_to_datetime(mail["Date"]) == NOW.replace(microsecond=0), "not when it was sent"
    assert mail["Subject"] == (f"[{REQUEST.reference}] Konfigurasi gagal / configuration failed")
    text = mail.get_content()
    assert "IPMS menolak perubahan itu." in text
    assert "Mend the cause, then try again." in text
    assert text.count(f"https://bmt.example/console/requests/{REQUEST.request_id}") == 2
    for personal in (REQUEST.applicant.name, REQUEST.applicant.account, FAILED.reason):
        assert personal not in text
    assert room.events[-1] == TOLD


async def test_a_failure_that_no_retry_mends_says_so():
    room = Room([DUE.model_copy(update={"retryable": False})])
    await told(room)
    text = message_from_bytes(room.mails[0][1], policy=default).get_content()
    assert "a new request is needed" in text


@pytest.mark.parametrize("since", [(TOLD,), (failure_due(2),), CONCLUDED])
async def test_what_was_told_or_is_past_is_not_sent(since):
    room = Room([DUE, *since])
    assert await told(room) == Done()
    assert room.mails == []


async def test_a_mail_that_is_not_taken_is_tried_again_and_one_lost_in_a_crash_is_the_same():
    room = Room([DUE], answer=MailRefused("550 no such user"))
    assert isinstance(await told(room), Later)
    room = replace(room, answer=None, dies=True, mails=[])
    with pytest.raises(ConnectionError):
        await told(room)
    assert await told(room) == Done()
    first, second = room.mails
    assert first == second
