"""How patient the sending of a message is: with a server that puts off, and one that is away."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import MagicMock

import pytest
from notices import DOCUMENT, NOW, due, notice, notified, prepared

from bmt.agencies.register import Agencies
from bmt.chassis.errors import StoreUnavailable
from bmt.chassis.runtime.background import LruCache
from bmt.chassis.work import Done, Later, WorkItem
from services.notification import main
from services.notification.domain.correspondence import RecordRefused, RecordSent
from services.notification.domain.correspondence_rules import DECIDER
from services.notification.smtp import MailPutOff, MailServerAway
from services.notification.worker import Sender

MAIL = notice("rejected")
FIVE_DAYS = timedelta(days=5)
FULL = "452 4.2.2 mailbox full"


class Office:
    """The execution, the documents and the post of one prepared message."""

    def __init__(self, answer: Exception | None = None) -> None:
        self.answer = answer
        self.commands: list[Any] = []
        self.at_hand: LruCache[str, bytes] = LruCache(1)
        self.sent: list[bytes] = []
        self.writes: list[int] = []

    async def known_states(self, streams: Collection[str], suffices: Any) -> Any:
        """This process does not know yet what another one prepared."""
        behind = dict.fromkeys(streams, DECIDER.fold([due(MAIL)]))
        now = DECIDER.fold([due(MAIL), prepared(MAIL)])
        return {name: one if suffices(name, one) else now for name, one in behind.items()}

    async def execute_many(self, messages: Sequence[Any]) -> Sequence[Any]:
        self.writes.append(len(messages))
        self.commands += [message.command for message in messages]
        return [None] * len(messages)

    async def read(self, document_id: str) -> bytes:
        assert document_id == DOCUMENT
        return b"as stored"

    async def send(self, message: bytes, _recipient: str, *, copy_to: str | None = None) -> None:
        if self.answer:
            raise self.answer
        self.sent.append(message)

    async def tries(self, now: datetime, attempts: int) -> Any:
        (outcome,) = await self.tries_all(now, [attempts])
        return outcome

    async def tries_all(self, now: datetime, attempts: Sequence[int]) -> Sequence[Any]:
        items = [
            WorkItem("rejected:1", "smtp", f"request-{number}", now, each)
            for number, each in enumerate(attempts)
        ]
        outcomes: dict[str, Any] = {}
        sender = Sender(self, self, self, lambda: now, self.at_hand, 8)
        await sender.perform(items, lambda item, outcome: outcomes.update({item.subject: outcome}))
        return [outcomes[item.subject] for item in items]


@pytest.mark.parametrize(
    ("attempts", "shortest", "longest"), [(1, 0.5, 1), (5, 8, 16), (11, 450, 900), (5000, 450, 900)]
)
async def test_a_message_that_is_put_off_is_tried_ever_more_rarely(attempts, shortest, longest):
    outcome = await Office(MailPutOff(452, FULL)).tries(NOW, attempts)
    assert isinstance(outcome, Later)
    assert shortest <= outcome.seconds <= longest
    assert outcome.reason == "the mail server answered 452"


async def test_a_message_that_is_put_off_for_days_has_failed():
    office = Office(MailPutOff(452, FULL))
    assert isinstance(await office.tries(NOW + FIVE_DAYS, 500), Later)
    assert await office.tries(NOW + FIVE_DAYS + timedelta(seconds=1), 501) == Done()
    assert office.commands == [RecordRefused("rejected", 1, FULL)]


async def test_a_server_that_is_away_is_waited_for_however_long():
    office = Office(MailServerAway())
    outcome = await office.tries(NOW + timedelta(days=365), 100_000)
    assert isinstance(outcome, Later)
    assert outcome.reason == "smtp cannot be reached"
    assert office.commands == []


async def test_what_was_sent_meanwhile_is_recorded_in_one_write():
    office = Office()
    assert await office.tries_all(NOW, [1] * 20) == [Done()] * 20
    assert office.writes == [20]


async def test_what_was_sent_and_could_not_be_recorded_is_recorded_later_and_not_sent_again(
    monkeypatch,
):
    office, execute_many = Office(), Office.execute_many
    sender = Sender(office, office, office, lambda: NOW, office.at_hand, 8)
    item, outcomes = WorkItem("rejected:1", "smtp", "request-0", NOW, 1), []

    async def unavailable(_messages: Sequence[Any]) -> Sequence[Any]:
        raise StoreUnavailable

    monkeypatch.setattr(office, "execute_many", unavailable)
    await sender.perform([item], lambda _, outcome: outcomes.append(outcome))
    monkeypatch.setattr(office, "execute_many", partial(execute_many, office))
    await sender.perform([item], lambda _, outcome: outcomes.append(outcome))
    assert isinstance(outcomes[0], Later)
    assert outcomes[1:] == [Done()]
    assert office.sent == [b"as stored"]
    assert office.commands == [RecordSent("rejected", 1)]


async def test_what_another_process_sent_and_died_before_it_removed_the_work_is_not_sent_again(
    monkeypatch,
):
    office = Office()
    prepared_here = [due(MAIL), prepared(MAIL)]
    events = [*prepared_here, notified(MAIL)]

    async def known_states(streams: Collection[str], suffices: Any) -> Any:
        known, stored = DECIDER.fold(prepared_here), DECIDER.fold(events)
        return {name: known if suffices(name, known) else stored for name in streams}

    monkeypatch.setattr(office, "known_states", known_states)
    assert await office.tries(NOW, 2) == Done()
    assert office.sent == []


async def test_a_stop_waits_for_the_answer_to_what_is_being_sent_and_records_it(monkeypatch):
    office, asked, answer = Office(), asyncio.Event(), asyncio.Event()

    async def send(*_: Any, **__: Any) -> None:
        asked.set()
        await answer.wait()

    monkeypatch.setattr(office, "send", send)
    sent = asyncio.create_task(office.tries_all(NOW, [1] * 10))
    await asked.wait()
    sent.cancel()
    await asyncio.sleep(0)
    answer.set()
    with pytest.raises(asyncio.CancelledError):
        await sent
    assert office.commands == [RecordSent("rejected", 1)] * 8  # nothing more is begun


async def test_a_message_that_waits_long_for_its_turn_is_not_cut_off_while_it_is_sent(monkeypatch):
    office, performs, outcomes = Office(), {}, []

    async def send(*_: Any, **__: Any) -> None:
        await asyncio.sleep(0.1)  # longer than the work of other services may go without an outcome

    def worker(target: str, perform: Any) -> None:
        performs[target] = perform

    monkeypatch.setattr("bmt.chassis.work.AT_MOST_SECONDS", 0.01)
    monkeypatch.setattr("bmt.chassis.runtime.background.GRACE_SECONDS", 0.01)
    monkeypatch.setattr(main, "SmtpPost", lambda *_: office)
    monkeypatch.setattr(office, "send", send)
    builder = MagicMock(worker=worker, execution=office, documents=office)
    main._work(builder, MagicMock(), Agencies([]), {}, office.at_hand)
    item = WorkItem("rejected:1", main.SMTP, "request-0", NOW, 1)
    await performs[main.SMTP]([item], lambda _, outcome: outcomes.append(outcome))
    assert outcomes == [Done()]


async def test_a_message_that_takes_long_holds_up_no_other(monkeypatch):
    office, slow, recorded = Office(), asyncio.Event(), asyncio.Event()
    execute_many = office.execute_many

    async def incoming(messages: Sequence[Any]) -> Sequence[Any]:
        recorded.set()
        return await execute_many(messages)

    async def send(*_: Any, **__: Any) -> None:
        office.sent.append(b"")
        if len(office.sent) == 1:
            await slow.wait()

    monkeypatch.setattr(office, "execute_many", incoming)
    monkeypatch.setattr(office, "send", send)
    sent = asyncio.create_task(office.tries_all(NOW, [1, 1, 1]))
    await asyncio.wait_for(recorded.wait(), 5)
    assert not slow.is_set()
    slow.set()
    assert await sent == [Done()] * 3
    assert office.writes == [2, 1]


async def test_what_is_at_hand_is_sent_once_without_being_read():
    office = Office()
    office.at_hand.put(DOCUMENT, b"at hand")
    assert await office.tries(NOW, 1) == Done()
    assert await office.tries(NOW, 1) == Done()
    assert office.sent == [b"at hand", b"as stored"]
    assert office.commands == [RecordSent("rejected", 1)] * 2


async def test_what_is_put_off_stays_at_hand():
    office = Office(MailPutOff(452, FULL))
    office.at_hand.put(DOCUMENT, b"at hand")
    await office.tries(NOW, 1)
    office.answer = None
    await office.tries(NOW, 2)
    assert office.sent == [b"at hand"]
