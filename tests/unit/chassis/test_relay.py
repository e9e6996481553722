"""The relay: what was committed is said, in order, whatever dies in between."""

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import parcels
from aiokafka import TopicPartition
from eventually import eventually
from fixtures.memory_event_store import MemoryEventStore

from bmt.chassis.errors import BrokerUnavailable, StoreUnavailable
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.chassis.messaging.relay import Address, OwnProjections, Relay

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLACE = TopicPartition("test.parcels.v1", 0)


def commit(version: int, stream: str = "parcel-1", recorded_at: datetime = NOON) -> Commit:
    events = (
        EventRecord(f"w{version}", "test.Weighed.v1", NOON, 0, f'{{"weight":{version}}}'),
        EventRecord(f"p{version}", "test.Posted.v1", NOON, version, f'{{"weight":{version}}}'),
    )
    return Commit(
        f"{stream}-{version}", stream, version, version, events, "f", recorded_at, outbox=True
    )


class Topic:
    """A publisher that can be away."""

    def __init__(self) -> None:
        self.said = []
        self.away = self.new_connection = False

    async def publish(self, records):
        if self.away:
            raise BrokerUnavailable
        self.said += records
        return {PLACE: len(self.said) - 1}

    def reconnected(self) -> bool:
        return self.new_connection


class Kept:
    """What the relay tells of the topics, and is told of them."""

    def __init__(self, lost=()) -> None:
        self.offsets = {}
        self.lost = lost
        self.checks = 0

    def watch(self, topics) -> None:
        self.watched = topics

    async def check(self) -> None:
        self.checks += 1

    async def check_now_and_then(self) -> None:
        pass

    async def acknowledged(self, offsets) -> None:
        self.offsets |= offsets

    async def earlier(self, commits):
        return self.lost


class Seen:
    """A projection that remembers what it heard."""

    def __init__(self) -> None:
        self.positions = []

    async def apply(self, incoming) -> None:
        self.positions += [event.position for event in incoming]


@asynccontextmanager
async def running(store, topic, seen=None, kept=None, sweep_every_seconds=0.05):
    projections = [seen] if seen else []
    relay = Relay(
        store=store,
        projections=OwnProjections(projections, parcels.VOCABULARY, "/test"),
        publisher=topic,
        kept=kept or Kept(),
        topics={"test.Posted.v1": "test.parcels.v1"},
        source="/test",
        clock=lambda: NOON + timedelta(seconds=60),
        sweep_every_seconds=sweep_every_seconds,
    )
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def weights(topic: Topic) -> list[int]:
    return [orjson.loads(record.value)["weight"] for record in topic.said]


def keys(topic: Topic, wanted: list[bytes]) -> None:
    assert [record.key for record in topic.said] == wanted


async def delivered(store) -> None:
    await eventually(lambda: _is_empty(store))


async def _is_empty(store) -> None:
    assert await store.outbox_size() == (0, None)


def scales_are_told(relay: Relay, sequence: int) -> None:
    def address(_, event):
        return Address("test.scales", event.id, sequence)

    relay.addresses(["test.Weighed.v1"], address, ["test.scales"])


async def test_an_event_for_one_receiver_goes_to_its_address_and_counts_there():
    store, topic = MemoryEventStore(), Topic()
    await store.append([commit(1)])
    async with running(store, topic) as relay:
        scales_are_told(relay, 7)
        await delivered(store)
    weighed, posted = topic.said
    assert (weighed.topic, weighed.key) == ("test.scales", b"w1")
    assert dict(weighed.headers)["ce_sequence"] == b"7"
    assert dict(weighed.headers)["ce_subject"] == b"1"
    assert (posted.topic, posted.key) == ("test.parcels.v1", b"1")
    assert dict(posted.headers)["ce_sequence"] == b"1"


async def test_a_receiver_whose_topic_is_missing_holds_up_nobody_else():
    class Missing(Topic):
        lacks_scales = True

        async def publish(self, records):
            if self.lacks_scales and any(record.topic == "test.scales" for record in records):
                raise BrokerUnavailable
            return await super().publish(records)

    store, topic = MemoryEventStore(), Missing()
    plain = replace(commit(1, "parcel-2"), events=commit(1).events[1:])
    await store.append([commit(1), commit(2), plain])
    async with running(store, topic) as relay:
        scales_are_told(relay, 1)
        await eventually(lambda: keys(topic, [b"2"]))
        assert await store.outbox_size() == (2, NOON)
        topic.lacks_scales = False
        await delivered(store)
    keys(topic, [b"2", b"w1", b"1", b"w2", b"1"])


async def test_an_older_pending_commit_goes_first_to_the_topic_and_to_the_views():
    """Its own hand-over may have met a store that was away; once it is unset no sweep finds it."""
    store, topic, seen = MemoryEventStore(), Topic(), Seen()
    async with running(store, topic, seen) as relay:
        await eventually(lambda: not relay._behind)
        await store.append([commit(1), commit(2)])
        relay.enqueue([commit(2)])  # the views had 2 before it was enqueued
        await delivered(store)
    assert weights(topic) == [1, 2]
    assert seen.positions == [1, 1]


async def test_an_older_commit_that_the_views_cannot_have_yet_stays_pending():
    class Away(Seen):
        away = True

        async def apply(self, incoming):
            if self.away:
                raise StoreUnavailable
            await super().apply(incoming)

    store, topic, seen = MemoryEventStore(), Topic(), Away()
    async with running(store, topic, seen) as relay:
        await eventually(lambda: not relay._behind)
        await store.append([commit(1), commit(2)])
        relay.enqueue([commit(2)])
        await eventually(lambda: relay._failures > 1)
        assert (weights(topic), (await store.outbox_size())[0]) == ([], 2)
        seen.away = False
        await delivered(store)
    assert weights(topic) == [1, 2]
    assert set(seen.positions) == {1, 2}


async def test_what_was_said_here_is_not_looked_for_in_the_store_again():
    class Asked(MemoryEventStore):
        def __init__(self):
            super().__init__()
            self.before = []

        async def pending_before(self, commits):
            self.before += [commit.version for commit in commits]
            return await super().pending_before(commits)

    store, topic = Asked(), Topic()
    # A sweep would deliver 3 and 4 together, before it hears of 4 alone.
    async with running(store, topic, sweep_every_seconds=60) as relay:
        await eventually(lambda: not relay._behind)
        for version in (1, 2):
            await store.append([commit(version)])
            relay.enqueue([commit(version)])
            await delivered(store)
        # The outbox does not hold 3: nothing is owed of it.
        await store.append([replace(commit(3), outbox=False), commit(4)])
        relay.enqueue([replace(commit(3), outbox=False), commit(4)])
        await delivered(store)
        assert store.before == []
        await store.append([commit(5), commit(6)])  # 5 is another process'
        relay.enqueue([commit(6)])
        await delivered(store)
    assert weights(topic) == [1, 2, 4, 5, 6]
    assert store.before == [6]


async def test_a_failed_unset_is_tried_again_and_says_nothing_twice():
    class Forgetful(MemoryEventStore):
        failures = 1

        async def delivered(self, causations):
            if self.failures:
                self.failures -= 1
                raise BrokerUnavailable
            await super().delivered(causations)

    store, topic = Forgetful(), Topic()
    await store.append([commit(1)])
    async with running(store, topic):
        await delivered(store)
    assert weights(topic) == [1]


async def test_a_stop_lets_what_was_said_be_marked_as_said():
    class Slow(Topic):
        async def publish(self, records):
            places = await super().publish(records)
            published.set()
            await asyncio.sleep(0)  # no time: others have their turn of the loop
            return places

    store, topic, published = MemoryEventStore(), Slow(), asyncio.Event()
    await store.append([commit(1)])
    async with running(store, topic):
        await published.wait()
    assert weights(topic) == [1]
    await _is_empty(store)


async def test_how_far_the_topic_has_come_is_remembered_before_a_commit_counts_as_delivered():
    class Watched(MemoryEventStore):
        async def delivered(self, causations):
            assert not causations or kept.offsets == {PLACE: 1}
            await super().delivered(causations)

    store, topic, kept = Watched(), Topic(), Kept()
    await store.append([commit(1), commit(2)])
    async with running(store, topic, kept=kept):
        await delivered(store)
    assert kept.offsets == {PLACE: 1}


async def test_nothing_is_published_before_the_topics_were_checked():
    class Unknown(Kept):
        known = False

        async def check(self):
            await super().check()
            if not self.known:
                raise BrokerUnavailable

    store, topic, kept = MemoryEventStore(), Topic(), Unknown()
    await store.append([commit(1)])
    async with running(store, topic, kept=kept):
        await eventually(lambda: kept.checks > 1)
        assert topic.said == []
        kept.known = True
        await delivered(store)
    assert weights(topic) == [1]


async def test_after_the_broker_was_away_the_topics_are_checked_again_and_nothing_is_lost():
    store, topic, kept = MemoryEventStore(), Topic(), Kept()
    async with running(store, topic, kept=kept) as relay:
        await eventually(lambda: kept.checks == 1)
        topic.away = True
        for version in (1, 2, 3):
            await store.append([commit(version)])
            relay.enqueue([commit(version)])
        await eventually(lambda: relay._failures > 1)
        assert topic.said == []
        topic.away = False
        await delivered(store)
    assert weights(topic) == [1, 2, 3]
    assert kept.checks > 1


async def test_the_topics_are_checked_before_anything_is_published_on_a_new_connection():
    store, topic, kept = MemoryEventStore(), Topic(), Kept()
    async with running(store, topic, kept=kept) as relay:
        await eventually(lambda: kept.checks == 1)
        topic.new_connection = True
        await store.append([commit(1)])
        relay.enqueue([commit(1)])
        await delivered(store)
    assert kept.checks > 1
