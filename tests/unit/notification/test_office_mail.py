"""Who is written to of the client charter, when, and what becomes of a mail that is not taken."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from decider_specification import given
from folds import incoming
from notices import (
    ACKNOWLEDGED,
    AGENCIES,
    DOCUMENT,
    DUE,
    NOW,
    REMIND,
    REQUEST,
    SENDER,
    TELL_OF_FAILURE,
    awaited,
    due,
    ended,
    failure_due,
    notice,
    prepared,
)

from bmt.agencies.register import Agencies
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
from services.notification.domain.events import (
    AcknowledgementSuperseded,
    FailureTold,
    ReminderSent,
)
from services.notification.main import TABLE
from services.notification.reminding import OfficeMail
from services.notification.smtp import MailPutOff, MailRefused
from services.notification.views import failure_of, work_of

OFFICE, ABOVE = "pejabat@mampu.gov.my", "ketua@mampu.gov.my"

AWAITED, ENDED = awaited(), ended()


def agencies(**keys: str) -> Agencies:
    mampu = AGENCIES.get("MAMPU")
    return Agencies([mampu.model_copy(update={"rules": mampu.rules.model_copy(update=keys)})])


@dataclass
class Room:
    """The execution and the post of one request whose office is waited for."""

    events: list[Any] = field(default_factory=lambda: [AWAITED])
    answer: Exception | None = None
    dies: bool = False
    mails: list[tuple[str, bytes]] = field(default_factory=list)
    rules: Agencies = field(
        default_factory=lambda: agencies(office_email=OFFICE, escalation_email=ABOVE)
    )

    async def state(self, stream: str) -> Any:
        assert stream == f"request-{REQUEST.request_id}"
        return DECIDER.fold(self.events)

    async def execute(self, message: Any) -> None:
        if self.dies:
            self.dies = False
            raise ConnectionError
        self.events += DECIDER.decide(message.command, DECIDER.fold(self.events))

    async def send(self, message: bytes, recipient: str, *, copy_to: str | None = None) -> None:
        if self.answer is not None:
            raise self.answer
        self.mails.append((recipient, message))

    async def at(
        self,
        now: datetime,
        level: str = "reminder",
        attempts: int = 1,
        wait: str = "decide-1",
        mail: OfficeMail | None = None,
    ) -> Any:
        id_ = f"{REQUEST.request_id}:{wait}:{level}"
        item = WorkItem(id_, "remind", REQUEST.request_id, now, attempts)
        return await (mail or self.mail(now)).remind(item)

    def mail(self, now: datetime) -> OfficeMail:
        console = "https://bmt.example/console"
        return OfficeMail(self, self.rules, self, lambda: now, SENDER, console)


async def test_the_office_is_written_to_before_and_who_is_above_it_after_the_due_moment():
    room = Room()
    assert await room.at(REMIND) == Done()
    assert await room.at(DUE, "escalation") == Done()
    assert [address for address, _ in room.mails] == [OFFICE, ABOVE]
    console = f"https://bmt.example/console/requests/{REQUEST.request_id}"
    for _, raw in room.mails:
        assert message_from_bytes(raw, policy=default).get_content().count(console) == 2
    sent = [event for event in room.events if isinstance(event, ReminderSent)]
    assert [(one.level, one.recipient, one.message_id) for one in sent] == [
        ("reminder", OFFICE, f"<{REQUEST.request_id}.decide-1.reminder@mygovuc.gov.my>"),
        ("escalation", ABOVE, f"<{REQUEST.request_id}.decide-1.escalation@mygovuc.gov.my>"),
    ]


@pytest.mark.parametrize(
    ("room", "level", "now"),
    [
        (Room([AWAITED, ENDED]), "reminder", REMIND),
        (Room([AWAITED, ENDED]), "escalation", DUE),
        (Room([]), "escalation", DUE),
        (Room(), "reminder", DUE),
        (Room(rules=agencies(office_email=OFFICE)), "escalation", DUE),
        (Room(rules=agencies(escalation_email=OFFICE)), "reminder", REMIND),
    ],
    ids=["ended", "ended, above", "the stream is gone", "too late", "nobody above", "no office"],
)
async def test_nobody_is_written_to_without_need_or_address(room, level, now):
    assert await room.at(now, level) == Done()
    assert room.mails == []


async def test_a_crash_between_sending_and_recording_sends_the_same_bytes_again():
    room = Room(dies=True)
    with pytest.raises(ConnectionError):
        await room.at(REMIND)
    assert await room.at(REMIND + timedelta(seconds=6)) == Done()
    first, second = room.mails
    assert first == second
    assert sum(isinstance(event, ReminderSent) for event in room.events) == 1


async def test_a_mail_that_could_not_be_recorded_is_recorded_later_and_not_sent_again():
    room = Room(dies=True)
    mail = room.mail(REMIND)
    with pytest.raises(ConnectionError):
        await room.at(REMIND, mail=mail)
    assert await room.at(REMIND, mail=mail) == Done()
    assert len(room.mails) == 1
    assert sum(isinstance(event, ReminderSent) for event in room.events) == 1


@pytest.mark.parametrize("no", [MailRefused("550 no such user"), MailPutOff(451, "451 later")])
async def test_a_mail_that_is_not_taken_is_tried_again_however_long(no):
    room = Room(answer=no)
    outcome = await room.at(DUE + timedelta(days=300), "escalation", attempts=1000)
    assert isinstance(outcome, Later)
    assert outcome.seconds >= 450
    assert OFFICE not in outcome.reason
    assert not any(isinstance(event, ReminderSent) for event in room.events)


def read(kind: str = "application", step: str = "decide", level: str = "reminder") -> str:
    request = REQUEST.model_copy(update={"kind": kind})
    awaited = replace(
        DECIDER.fold([AWAITED]).waits["decide-1"], request=request, step=step
    )  # as the stream would tell it
    mail = OfficeMail(None, AGENCIES, None, lambda: DUE, SENDER)
    raw = mail.reminder(awaited, level, OFFICE)
    return str(message_from_bytes(raw, policy=default).get_content())


def test_a_reminder_reads_word_for_word():
    assert read().replace("\r\n", "\n") == (
        "Permohonan BMT MAMPU/2025/000001 perlu diputuskan selewat-lewatnya pada 27 November 2025, 5 "
        "petang, mengikut Piagam Pelanggan.\n\n"
        f"{'-' * 64}\n\n"
        "The BMT application MAMPU/2025/000001 must be decided by 27 November 2025, 5 p.m., according to "
        "the client charter.\n"
    )


def test_an_escalation_and_a_termination_are_told_as_what_they_are():
    told = read("termination", "configure", "escalation")
    assert "Permohonan penamatan BMT MAMPU/2025/000001 belum dilaksanakan." in told
    assert "The BMT termination MAMPU/2025/000001 has not been carried out." in told


@pytest.mark.parametrize(
    ("keys", "recipient"),
    [
        ({"office_email": OFFICE, "escalation_email": ABOVE}, ABOVE),
        ({"office_email": OFFICE}, OFFICE),
    ],
)
async def test_who_is_told_of_grants_that_were_not_confirmed_is_the_one_address_where_there_is_one(
    keys, recipient
):
    passed = AWAITED.model_copy(update={"step": "confirm", "only": "escalation", "grants": 3})
    room = Room([passed], rules=agencies(**keys))
    assert await room.at(DUE, "escalation", wait="confirm-1") == Done()
    [(to, raw)] = room.mails
    assert to == recipient
    assert "3 pemberian BMT belum disahkan" in message_from_bytes(raw, policy=default).get_content()


FAILED = ConfigurationFailed(
    request=REQUEST, target="ipms", reason="IPMS refuses siti with 403", retryable=True
)

FAILURE_DUE = failure_due(1)

ID = f"<{REQUEST.request_id}.failure-1@mygovuc.gov.my>"

TOLD = FailureTold(request=REQUEST, failure=1, message_id=ID, recipient=OFFICE)

CONCLUDED = (ACKNOWLEDGED, due(notice("configured")))


def test_each_failure_is_told_once():
    given(DECIDER, FAILURE_DUE).when(RecordFailureSent(1, ID, OFFICE)).then(TOLD)
    given(DECIDER, FAILURE_DUE, TOLD).when(RecordFailureSent(1, ID, OFFICE)).then_nothing()
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
    room = replace(Room([FAILURE_DUE]), rules=agencies(**keys))
    assert await told(room) == Done()
    assert [address for address, _ in room.mails] == addresses


DELAY = notice("approved")

TELL_OF_DELAY = NotifyOfDelay(DELAY, REQUEST.agency, NOW)


def test_an_applicant_is_told_of_a_delay_once_a_configuration_failed_and_before_the_outcome():
    given(DECIDER, ACKNOWLEDGED, FAILURE_DUE).when(TELL_OF_DELAY).then(due(DELAY))
    given(DECIDER, ACKNOWLEDGED).when(TELL_OF_DELAY).then_refused(NothingFailed)
    given(DECIDER, FAILURE_DUE, *CONCLUDED).when(TELL_OF_DELAY).then_refused(NothingFailed)
    elsewhere = NotifyOfDelay(DELAY, "JPA", NOW)
    given(DECIDER, ACKNOWLEDGED, FAILURE_DUE).when(elsewhere).then_refused(UnknownRequest)


def test_a_paper_about_a_delay_is_not_handed_over_beside_the_outcomes():
    delay, outcome = notice("approved", "memo"), notice("configured", "memo")
    ready = (ACKNOWLEDGED, FAILURE_DUE, due(delay), prepared(delay), due(outcome))
    superseded = AcknowledgementSuperseded(
        request=REQUEST, notification_id="approved", by="configured"
    )
    given(DECIDER, *ready).when(RecordPrepared("configured", DOCUMENT)).then(
        prepared(outcome), superseded
    )


def test_a_failure_gives_one_mail_to_send():
    (work,) = work_of(incoming(FAILURE_DUE, subject=REQUEST.request_id))
    assert failure_of(work) == "failure-1"
    assert [one.id for one in work_of(incoming(TOLD, subject=REQUEST.request_id))] == [work.id]


async def told(room: Room, number: int = 1):
    id_ = f"{REQUEST.request_id}:failure-{number}"
    item = WorkItem(id_, "failures", REQUEST.request_id, NOW, 1)
    return await room.mail(NOW).report_failure(item)


async def test_the_mail_says_what_to_do_and_names_nobody():
    room = Room([FAILURE_DUE])
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
    room = Room([FAILURE_DUE.model_copy(update={"retryable": False})])
    await told(room)
    text = message_from_bytes(room.mails[0][1], policy=default).get_content()
    assert "a new request is needed" in text


@pytest.mark.parametrize("since", [(TOLD,), (failure_due(2),), CONCLUDED])
async def test_what_was_told_or_is_past_is_not_sent(since):
    room = Room([FAILURE_DUE, *since])
    assert await told(room) == Done()
    assert room.mails == []


async def test_a_mail_that_is_not_taken_is_tried_again_and_one_lost_in_a_crash_is_the_same():
    room = Room([FAILURE_DUE], answer=MailRefused("550 no such user"))
    assert isinstance(await told(room), Later)
    room = replace(room, answer=None, dies=True, mails=[])
    with pytest.raises(ConnectionError):
        await told(room)
    assert await told(room) == Done()
    first, second = room.mails
    assert first == second
