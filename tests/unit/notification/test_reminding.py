"""Who is written to of the client charter, when, and what becomes of a mail that is not taken."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest
from notices import AGENCIES, REQUEST

from bmt.agencies.register import Agencies
from bmt.chassis.work import Done, Later, WorkItem
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.domain.events import ReminderSent, StepAwaited, StepEnded
from services.notification.reminding import OfficeMail
from services.notification.smtp import MailPutOff, MailRefused

DUE = datetime(2025, 11, 27, 9, tzinfo=UTC)
REMIND = datetime(2025, 11, 26, 0, tzinfo=UTC)
OFFICE, ABOVE = "pejabat@mampu.gov.my", "ketua@mampu.gov.my"
SENDER = "bmt@mygovuc.gov.my"
AWAITED = StepAwaited(request=REQUEST, step="decide", wait=1, remind_at=REMIND, due_at=DUE)
ENDED = StepEnded(request=REQUEST, step="decide", wait=1)


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
        return await (mail or self.process(now)).remind(item)

    def process(self, now: datetime) -> OfficeMail:
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
    mail = room.process(REMIND)
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
