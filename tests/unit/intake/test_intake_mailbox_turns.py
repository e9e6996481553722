"""In which order a mailbox's messages are tried: none that fails holds the others up."""

import pytest
from prometheus_client import CollectorRegistry
from submissions import AGENCIES

from services.intake.imap import Folder, MailboxAway
from services.intake.mailbox import Collector, MailboxMetrics


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
