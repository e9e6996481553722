"""Everything that is said is said three times, mixed across requests: each thing is done once all the same."""

import asyncio
import random
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from accounts_of_events import at_rest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from eventually import eventually
from fixtures.thoroughness import LONG
from procedures import approved, filed_once, notices, seen, submitted

from bmt.contracts import topics

pytestmark = [pytest.mark.faults, pytest.mark.integration]

REQUESTS = 200 if LONG else 4
COPIES = 2
LEAST_SAID = COPIES * REQUESTS * 10
"""Of each request ten events; and what others said meanwhile."""
COPY = ("copy", b"")
"""The header by which the one who copies knows its own."""


class Copier:
    """Says again what it hears, of one request in order, of different ones in any."""

    def __init__(self, site) -> None:
        self._site = site
        self._waiting: dict[bytes, deque] = defaultdict(deque)
        self._incoming = 0
        self.said = 0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Copier"]:
        options = self._site.as_user("admin")
        async with (
            AIOKafkaConsumer(*topics.EVENTS, **options) as consumer,
            AIOKafkaProducer(**options) as producer,
        ):
            while len(consumer.assignment()) < 3 * len(topics.EVENTS):
                await consumer.getmany(timeout_ms=100)
            for place in consumer.assignment():
                await consumer.position(place)
            copying = asyncio.create_task(self._copy(consumer, producer))
            yield self
            copying.cancel()
            with suppress(asyncio.CancelledError):
                await copying

    @property
    def done(self) -> bool:
        return self._incoming > 0 and not any(self._waiting.values())

    async def _copy(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=50)).values():
                for record in records:
                    if COPY not in record.headers:
                        self._incoming += 1
                        self._waiting[record.key].extend([record] * COPIES)
            due = [key for key, waiting in self._waiting.items() for _ in waiting]
            random.shuffle(due)
            for key in due[: max(1, len(due) // 2)]:
                record = self._waiting[key].popleft()
                headers = [*record.headers, COPY]
                await producer.send_and_wait(record.topic, record.value, key, headers=headers)
                self.said += 1


async def test_three_times_the_events_come_to_the_same_end(site, aminah):
    accounts = await site.accounts(REQUESTS)
    before = await at_rest(site)
    began = len(site.ipms.asked)
    async with Copier(site).at_work() as copier:
        ids = await submitted(aminah, accounts)
        await approved(aminah, ids)
        await filed_once(site, aminah, ids, seconds=240)
        # It may have caught up before the last events reached it.
        await eventually(lambda: copier.done and copier.said >= LEAST_SAID, 180)
    books = (await at_rest(site)).since(before)
    seen("thrice", copies=copier.said, handled={k: dict(v) for k, v in books.handled.items()})
    await filed_once(site, aminah, ids)
    assert not books.unaccounted()
    assert not any(each["dead"] + each["parked"] for each in books.handled.values())
    sets = Counter(one.path for one in site.ipms.done("PATCH", since=began))
    assert sorted(sets.values()) == [1] * REQUESTS
    for account in accounts:
        assert sorted(notices(site, account).values()) == [1, 1]
    for request_id in ids:
        events = (await aminah.get("records", f"/v1/records/{request_id}")).json()["events"]
        assert len(events) == len({one["id"] for one in events})
