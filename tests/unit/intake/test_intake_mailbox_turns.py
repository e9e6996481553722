"""In which order a mailbox's messages are tried, and which are read again after intake ended in the middle."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from eventually import eventually
from prometheus_client import CollectorRegistry
from submissions import AGENCIES

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime.documents import received_bytes
from services.intake.imap import Folder, MailboxAway
from services.intake.mailbox import LONGEST_READING, Collector, MailboxMetrics, Taking, turn_of
from services.intake.readers import LONGEST_SECONDS


class Office:
    """A mailbox whose server refuses some messages, or all while it is down."""

    def __init__(self, uids, refused):
        self.uids, self.refused, self.down = list(uids), set(refused), False
        self.tried, self.marked = [], []

    def open(self):
        return Folder(1, keeps_keywords=True)

    def not_marked(self):
        return [uid for uid in self.uids if uid not in self.marked]

    def size(self, uid):
        self.tried.append(uid)
        if self.down or uid in self.refused:
            raise MailboxAway("fetch", OSError())
        return 1

    def read(self, uid):
        return b"x"

    def mark(self, uid):
        self.marked.append(uid)

    def leave(self):
        pass

    def close(self):
        pass


async def take(home, received):
    return "inbox"


@pytest.fixture
def office():
    return Office([5, 9, 12], refused=[5])


@pytest.fixture
def look(office):
    (agency, *_) = AGENCIES
    metrics = MailboxMetrics(CollectorRegistry())
    collector = Collector(agency, lambda: office, take, metrics, 1.0)

    async def look(times):
        for _ in range(times):
            with pytest.raises(MailboxAway):
                await collector._look()

    return look


async def test_one_that_is_refused_for_ever_holds_no_other_up(office, look):
    await look(2)
    assert office.marked == [9, 12]


async def test_nor_does_it_after_an_outage_in_which_all_failed(office, look):
    office.down = True
    await look(4)
    office.down = False
    await look(3)
    assert office.marked == [9, 12]


async def test_one_that_is_moved_while_it_is_read_in_pieces_is_not_taken_in_as_a_part(monkeypatch):
    taken = []

    async def taking(home, received):
        taken.append(received.size_bytes)

    office = Office([5], refused=[])
    office.read_piece = lambda uid, begin, length: None if begin else b"the beginning"
    monkeypatch.setattr("services.intake.mailbox.AT_ONCE_BYTES", 0)
    (agency, *_) = AGENCIES
    metrics = MailboxMetrics(CollectorRegistry())
    with pytest.raises(MailboxAway):
        await Collector(agency, lambda: office, taking, metrics, 1.0)._look()
    assert taken == []


NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
JUST_NOW = NOW - timedelta(seconds=1)
LONG_AGO = NOW - LONGEST_READING


@pytest.mark.parametrize(
    ("begun", "turn"),
    [
        ([], "read"),
        ([LONG_AGO], "read"),
        ([JUST_NOW], "read"),  # another replica reads it, or one died just now
        ([JUST_NOW, JUST_NOW], "leave"),  # it cannot be told which of the two
        ([LONG_AGO, JUST_NOW], "leave"),
        ([LONG_AGO, LONG_AGO], "give_up"),
        ([LONG_AGO, LONG_AGO, JUST_NOW], "give_up"),
    ],
)
def test_a_message_is_given_up_once_two_readings_of_it_ended_with_their_process(begun, turn):
    assert turn_of(begun, NOW) == turn


def test_a_reading_that_may_still_go_on_is_no_death():
    still_reading = NOW - timedelta(seconds=LONGEST_SECONDS)
    assert turn_of([LONG_AGO, still_reading], NOW) == "leave"


class Parts:
    """What a message is taken in with: a reader that is busy until it is let go, and no store."""

    def __init__(self):
        self.begun = []
        self.free = asyncio.Event()

    async def find(self, _):
        return {}

    async def turn(self, _):
        return "read"

    async def begin(self, cause):
        self.begun.append(cause)
        return cause

    async def end(self, cause, name):
        self.begun.append(f"{name} ended")

    async def mail(self, _, *, found):
        assert found
        await self.free.wait()

    async def receive(self, *_):
        raise Unavailable("mongodb")


async def test_a_reading_is_written_down_once_it_begins_and_not_while_it_waits_for_another():
    parts, home = Parts(), SimpleNamespace(code="MAMPU")
    take = Taking(None, parts, parts, parts, parts.receive, 1000)
    waiting = [
        asyncio.create_task(take(home, await received_bytes(content))) for content in (b"a", b"b")
    ]
    await eventually(lambda: bool(parts.begun))
    assert len(parts.begun) == 1
    parts.free.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    first, ended, second, _ = parts.begun
    assert ended == f"{first} ended"
    assert first != second
