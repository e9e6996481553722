"""Offices that are reminded of the client charter, on real Kafka and MongoDB, by a real SMTP server."""

from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default

import pytest
from fixtures.samples import received

from bmt.chassis.runtime import clock
from bmt.contracts.events import (
    ConfigurationFailed,
    ConfirmationsAwaited,
    RequestFacts,
    ReviewOpened,
)

pytestmark = pytest.mark.integration

LONG_AGO = timedelta(days=20)
HOUR = timedelta(hours=1)


async def opened(desk, due_at: datetime, **changes) -> RequestFacts:
    """A request whose review was opened long ago, and is due then."""
    request = desk.request(**{"agency": "JPJ", **changes})
    await desk.wire.say(received(request))
    await say_opened(desk, request, due_at)
    return request


async def say_opened(desk, request, due_at: datetime, sequence: int = 1) -> None:
    event = ReviewOpened(request=request, due_at=due_at, warnings=())
    await desk.wire.say(event, sequence=sequence, at=clock.now() - LONG_AGO)


def read(raw: bytes):
    return message_from_bytes(raw, policy=default)


async def test_the_office_is_reminded_once_before_the_step_is_due(desk):
    request = await opened(desk, clock.now() + HOUR)
    (raw,) = await desk.reminders(request, desk.office, 1)
    mail = read(raw)
    assert mail["Message-ID"] == f"<{request.request_id}.decide-1.reminder@mygovuc.gov.my>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Subject"].startswith(f"[{request.reference}] Peringatan Piagam Pelanggan / ")
    malay, english = mail.get_content().split("-" * 64)
    assert "perlu diputuskan" in malay
    assert "must be decided" in english
    for text in (malay, english):
        assert f"https://bmt.example/console/requests/{request.request_id}" in text
    assert mail["In-Reply-To"] is None


async def test_who_is_above_the_office_is_told_once_of_what_is_overdue(desk):
    request = await opened(desk, clock.now() - HOUR)
    (raw,) = await desk.reminders(request, desk.above, 1)
    assert read(raw)["Message-ID"] == f"<{request.request_id}.decide-1.escalation@mygovuc.gov.my>"
    assert "belum diputuskan" in read(raw).get_content()
    assert await desk.reminders(request, desk.office, 0) == []


async def test_reminders_are_on_no_topic_and_in_no_list(desk):
    request = await opened(desk, clock.now() + HOUR)
    await desk.reminders(request, desk.office, 1)
    await desk.item(request, "acknowledgement", "notified")
    await desk.says(request, "NotificationPrepared", "Notified")
    listed = await desk.listed(request, "administrator", "JPJ")
    assert [one["about"] for one in listed.json()["items"]] == ["acknowledgement"]


async def test_the_office_is_told_of_each_configuration_that_failed(desk):
    request = desk.request(agency="JPJ")
    await desk.wire.say(received(request))
    reason = f"IPMS refuses {request.applicant.account}"
    for sequence in (1, 3):
        failed = ConfigurationFailed(request=request, target="ipms", reason=reason, retryable=True)
        await desk.wire.say(failed, sequence=sequence)
        mails = await desk.reminders(request, desk.office, 1 if sequence == 1 else 2)
    ids = [read(raw)["Message-ID"] for raw in mails]
    assert ids == [f"<{request.request_id}.failure-{n}@mygovuc.gov.my>" for n in (1, 2)]
    assert "refused it" in read(mails[0]).get_content()
    assert reason not in read(mails[0]).get_content()
    assert await desk.reminders(request, desk.above, 0) == []


async def test_a_connection_that_breaks_after_the_reminder_was_taken_sends_the_same_again(desk):
    desk.mail.breaks_off.add(desk.office)
    request = await opened(desk, clock.now() + HOUR)
    first, second = await desk.reminders(request, desk.office, 2)
    assert first == second


async def test_the_office_is_told_once_how_many_grants_are_to_be_confirmed_and_once_that_they_were_not(
    desk,
):
    request = desk.request(agency="JPJ")
    awaited = ConfirmationsAwaited(
        request=request,
        campaign="2027-01",
        level="reminder",
        answer_by=clock.now() + LONG_AGO,
        grants=12,
    )
    event_id = await desk.wire.say(awaited, sequence=4)
    await desk.wire.say(awaited, sequence=4, event_id=event_id)
    (raw,) = await desk.reminders(request, desk.office, 1)
    malay, english = read(raw).get_content().split("-" * 64)
    assert read(raw)["Subject"].startswith("[JPJ] Pemberian BMT untuk disahkan / ")
    assert "12 pemberian BMT perlu disahkan" in malay
    assert "12 BMT grants are to be confirmed" in english
    assert "https://bmt.example/console/confirmations" in english
    assert request.applicant.account not in read(raw).get_content()

    passed = awaited.model_copy(
        update={"level": "escalation", "answer_by": clock.now() - HOUR, "grants": 3}
    )
    await desk.wire.say(passed, sequence=5)
    (raw,) = await desk.reminders(request, desk.above, 1)
    assert "3 pemberian BMT belum disahkan" in read(raw).get_content()
    await desk.reminders(request, desk.office, 1)
