"""Hearing Kafka: each event ends as applied, duplicate, parked or dead; nothing is lost."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial

import orjson
import parcels
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from eventually import eventually
from fixtures.positions import nothing_missed
from parcels import Post
from structlog.testing import capture_logs

from bmt.chassis.errors import BrokerUnavailable, StoreUnavailable
from bmt.chassis.eventsourcing.event_store import MongoEventStore
from bmt.chassis.eventsourcing.execution import Execution
from bmt.chassis.messaging import parking
from bmt.chassis.messaging.consumer import Consumer, Positions
from bmt.chassis.messaging.dispatch import Dispatcher
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.messaging.parking import DeadLetter, Discarding, ParkingLot, Record
from bmt.chassis.runtime.clock import new_id, now
from bmt.contracts.envelope import Envelope

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TOPIC, DEAD = "test.parcels.v1", "bmt.dead-letters.v1"


class Service:
    """The least that hears: each Posted becomes a Post in the parcel's stream."""

    def __init__(self, kafka, database, prefix: str) -> None:
        self.kafka, self.prefix = kafka, prefix
        self.outcomes: Counter = Counter()
        self.parked_types: list[str] = []
        self.failing: set[str] = set()
        self.handled: list[str] = []
        self.store = MongoEventStore(database["commits"])
        self.lot = ParkingLot(database["parked"])
        self.publisher = KafkaPublisher(kafka.options)
        self.positions = Positions(database["positions"])
        self.away = False
        self.away_from: set[str] = set()
        self.slow: dict[str, asyncio.Event] = {}
        self.under_way: Counter = Counter()
        self.most_under_way = 0
        self.only: dict[str, list[str]] = {}
        self.topics: set[str] = set()
        self.outside: list[str] = []
        self.refused: list[DeadLetter] = []

    async def _post(self, incoming):
        if incoming.id in self.slow:
            await self._take_long(incoming.id)
        if self.away or incoming.id in self.away_from:
            raise StoreUnavailable
        self.topics.add(incoming.topic)
        if incoming.subject in self.failing:
            raise ValueError("a fault in the handler")
        self.handled.append(incoming.id)
        return incoming.to_command(f"parcel-{incoming.subject}", Post(incoming.data.weight))

    async def _take_long(self, event_id: str) -> None:
        self.under_way[event_id] += 1
        self.most_under_way = max(self.most_under_way, self.under_way[event_id])
        await self.slow[event_id].wait()
        self.under_way[event_id] -= 1

    async def _discard(self, commits) -> None:
        pass

    async def _note_refused(self, dead) -> None:
        self.refused += [letter for _, letter in dead]

    def _count(self, type_, outcome, count) -> None:
        self.outcomes[outcome.value] += count
        if outcome == "parked":
            self.parked_types.append(type_)

    @asynccontextmanager
    async def hearing(self):
        await self.store.prepare()
        await self.lot.prepare()
        execution = Execution(
            store=self.store,
            deciders={"parcel": parcels.DECIDER},
            vocabulary=parcels.VOCABULARY,
            published=parcels.PUBLISHED,
            deliver=self._discard,
            clock=now,
            new_id=new_id,
        )
        dispatcher = Dispatcher(
            vocabulary=parcels.VOCABULARY,
            handlers={parcels.Posted: self._post},
            execution=execution,
            projections=(),
            lot=self.lot,
            publisher=self.publisher,
            dead_letters=self.prefix + DEAD,
            service="test",
            count=self._count,
            clock=now,
            only=self.only,
            outside=self.outside,
            on_dead=self._note_refused,
        )
        consumer = Consumer(
            topics=[self.prefix + TOPIC],
            group=f"{self.prefix}test",
            client_options=self.kafka.options,
            dispatcher=dispatcher,
            positions=self.positions,
            missed=nothing_missed,
        )
        tasks = [asyncio.create_task(run()) for run in (consumer.run, consumer.retry_parked)]
        try:
            yield consumer
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self.publisher.close()

    async def consumed(self, count: int) -> None:
        """Wait until `count` events have an outcome that ends them."""

        def all_ended() -> None:
            ended = [self.outcomes[name] for name in ("applied", "duplicate", "parked", "dead")]
            assert sum(ended) >= count

        await eventually(all_ended, 20)


@pytest.fixture
async def service(kafka, database, topic_prefix, create_topics):
    await create_topics(TOPIC, DEAD)
    return Service(kafka, database, topic_prefix)


@pytest.fixture
async def say(kafka, topic_prefix):
    """`await say(subject, data, …)` publishes one event."""
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(**kafka.options, acks="all")
        await producer.start()
        stack.push_async_callback(producer.stop)

        async def publish(subject, data=None, *, id_=None, type_="test.Posted.v1", raw=None):
            envelope = Envelope(
                id=id_ or new_id(), source="/test", type=type_, subject=subject, time=NOON, data={}
            )
            value = raw if raw is not None else orjson.dumps(data or {"weight": 1})
            await producer.send_and_wait(
                topic_prefix + TOPIC, value, subject.encode(), headers=envelope.kafka_headers()
            )

        yield publish


async def dead_letters(service: Service) -> list:
    topic = service.prefix + DEAD
    consumer = AIOKafkaConsumer(**service.kafka.options, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(3)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found = []
        while sum(ends.values()) > len(found):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += records
        return found
    finally:
        await consumer.stop()


async def test_an_event_heard_twice_is_applied_once(service, say):
    for _ in range(3):
        await say("1", id_="the-same")
    async with service.hearing():
        await service.consumed(3)
    assert service.outcomes == {"applied": 1, "duplicate": 2}
    assert service.topics == {service.prefix + TOPIC}
    assert len((await service.store.load(["parcel-1"]))["parcel-1"]) == 1


async def test_the_lag_counts_what_is_in_hand_and_not_done_with(service, say):
    async def lag_is(records) -> None:
        lag = {}
        with suppress(BrokerUnavailable):  # not there yet
            lag = await consumer.lag()
        assert len(lag) == 3
        assert sum(lag.values()) == records

    service.away = True
    async with service.hearing() as consumer:
        for subject in range(5):
            await say(str(subject))
        await eventually(lambda: lag_is(5), 20)
        service.away = False
        await eventually(lambda: lag_is(0), 20)


async def test_an_outsiders_topic_cannot_say_what_is_not_its_to_say(service, say):
    service.only = {service.prefix + TOPIC: ["test.Asked.v1"]}
    await say("1")
    async with service.hearing():
        await service.consumed(1)
        (letter,) = await dead_letters(service)
    assert service.outcomes == {"dead": 1}
    assert dict(letter.headers)["bmt_reason"] == b"unknown_type"


async def test_a_whole_batch_is_heard_in_order_a_key(service, say):
    for index in range(120):
        await say(str(index % 6), {"weight": index + 1})
    async with service.hearing():
        await service.consumed(120)
    assert service.outcomes["applied"] == 120
    for key in range(6):
        commits = (await service.store.load([f"parcel-{key}"]))[f"parcel-{key}"]
        assert [commit.version for commit in commits] == list(range(1, 21))
        assert commits[0].events[0].data["weight"] == key + 1


POISON = (
    ({"raw": b"{not json"}, b"malformed"),
    ({"raw": b'["a list"]'}, b"malformed"),
    ({"data": {"weight": "heavy"}}, b"malformed"),
    ({"type_": "test.Posted.v9"}, b"unknown_type"),
)


async def test_poison_goes_to_the_dead_letters_whole_and_the_rest_flows(service, say):
    for poison, _ in POISON:
        await say("1", **poison)
    await say("1", {"weight": 7})
    async with service.hearing():
        await service.consumed(5)
        assert service.outcomes == {"dead": 4, "applied": 1}
        letters = {
            int(dict(one.headers)["bmt_origin_offset"]): one for one in await dead_letters(service)
        }
    for offset, (poison, reason) in enumerate(POISON):
        headers = dict(letters[offset].headers)
        assert headers["bmt_reason"] == reason
        assert headers["bmt_detail"]
        assert headers["bmt_origin_topic"].decode() == service.prefix + TOPIC
        assert headers["ce_source"] == b"/test"
        assert letters[offset].value == poison.get("raw", letters[offset].value)


async def test_a_record_of_nothing_is_a_dead_letter_of_nothing(service, kafka):
    async with AIOKafkaProducer(**kafka.options) as producer:
        batch = producer.create_batch()
        batch.append(key=None, value=None, timestamp=None)
        batch.close()
        await (await producer.send_batch(batch, service.prefix + TOPIC, partition=0))
    async with service.hearing():
        await service.consumed(1)
        (letter,) = await dead_letters(service)
    assert (letter.key, letter.value) == (None, b"")


async def test_what_is_too_large_to_bury_stays_where_it_is_and_the_rest_flows(service, say):
    size = 1_048_300  # of the 1,048,588 that Kafka takes, headers and all
    await say("1", raw=b"x" * size)
    await say("1", raw=b"{not json")
    async with service.hearing():
        await service.consumed(2)
        letters = await dead_letters(service)
    assert service.outcomes == {"dead": 2}
    small, large = sorted((dict(letter.headers) for letter in letters), key=len, reverse=True)
    assert large["bmt_left_at_origin"] == str(size).encode()
    assert (large["bmt_reason"], large["bmt_origin_offset"]) == (b"malformed", b"0")
    assert "bmt_left_at_origin" not in small


async def test_what_cannot_be_decoded_is_buried_as_it_came(service):
    damaged = DeadLetter("malformed", "it is damaged")
    record = Record(service.prefix + TOPIC, 1, 7, "", (), b"\x00\xff", unread=damaged)
    async with service.hearing() as consumer:
        await consumer._dispatcher.handle([record])
        await consumer._dispatcher.update_views()
        (letter,) = await dead_letters(service)
    headers = dict(letter.headers)
    assert letter.value == b"\x00\xff"
    assert (headers["bmt_reason"], headers["bmt_detail"]) == (b"malformed", b"it is damaged")
    assert (headers["bmt_origin_partition"], headers["bmt_origin_offset"]) == (b"1", b"7")
    assert headers["bmt_left_at_origin"] == b"unread"
    assert service.outcomes == {"dead": 1}


@pytest.mark.parametrize("outside", [True, False])
async def test_what_an_operator_discards_is_answered_outside_and_the_next_of_its_key_goes_on(
    service, say, database, outside
):
    """What we published ourselves is answered to nobody, and is no dead letter."""
    service.outside = [service.prefix + TOPIC] * outside
    service.failing = {"1"}
    await say("1", {"weight": 1}, id_="first")
    await say("1", {"weight": 2}, id_="second")
    async with service.hearing() as consumer:
        await service.consumed(2)
        first, _ = await service.lot.list(10)

        async def discarded() -> None:
            assert await service.lot.discard(first.id, Discarding("aida", "unwanted", now()))

        await eventually(discarded)
        await eventually(lambda: _left(service.lot, 1))
        service.failing = set()
        await eventually(lambda: _left(service.lot, 0))
        letters = await dead_letters(service)
        # A crash before its position was saved makes it come again.
        await consumer._dispatcher.handle([first.record])
    assert (service.handled, service.outcomes["duplicate"]) == (["second"], 1)
    (kept,) = await database["discarded"].find().to_list(None)
    assert (kept["parked_id"], kept["discarded_because"]) == (first.id, "unwanted")
    assert service.outcomes["dead"] == 0
    if not outside:
        assert (letters, service.refused) == ([], [])
        return
    (letter,) = letters
    (refused,) = service.refused
    headers = dict(letter.headers)
    assert headers["bmt_reason"] == b"discarded"
    assert headers["bmt_detail"].decode() == refused.detail
    assert "aida" not in refused.detail
    assert "unwanted" not in refused.detail


async def test_a_failing_request_is_parked_and_others_flow(service, say, monkeypatch):
    monkeypatch.setattr(parking, "TRIES", 2)
    monkeypatch.setattr(parking, "FIRST_BACKOFF_SECONDS", 0.01)
    service.failing = {"1"}
    await say("1", {"weight": 1}, id_="first")
    await say("1", {"weight": 2}, id_="second")
    await say("2", id_="other")
    async with service.hearing():
        with capture_logs() as logs:
            await service.consumed(3)
            await eventually(lambda: len(_named(logs, "event_waits_for_an_operator")) == 1)
        assert service.handled == ["other"]
        waits = await service.lot.list(10)
        assert [item.record.key for item in waits] == ["1", "1"]
        assert waits[0].reason == "ValueError"
        assert await service.lot.count() == 1
        assert service.parked_types == ["test.Posted.v1", "test.Posted.v1"]
        assert [line["error"] for line in _named(logs, "event_parked")] == ["ValueError"]
        assert all(line["where"].startswith("test_hearing.py:") for line in logs if "where" in line)

        service.failing = set()
        assert await service.lot.retry(waits[0].id, now())
        await eventually(lambda: len(service.handled) == 3)
        await eventually(lambda: _empty(service.lot))
    assert service.handled == ["other", "first", "second"]


def _named(logs, event):
    return [line for line in logs if line["event"] == event]


async def test_a_retried_request_keeps_its_order_while_more_of_it_comes(service, say, monkeypatch):
    monkeypatch.setattr(parking, "TRIES", 1)
    service.failing = {"1"}
    ids = [f"event-{number}" for number in range(12)]
    for id_ in ids[:4]:
        await say("1", id_=id_)
    async with service.hearing():
        await service.consumed(4)
        assert (await service.lot.count(), await service.lot.size()) == (1, 4)

        service.failing = set()
        assert await service.lot.retry_all(now()) == 1
        for id_ in ids[4:]:
            await say("1", id_=id_)
        await eventually(lambda: _are(service.handled, ids), 20)
        await eventually(lambda: _empty(service.lot))


def _are(handled, ids):
    assert handled == ids


async def test_an_outsiders_keys_queue_apart_from_our_own(service, say):
    service.only = {service.prefix + TOPIC: ["test.Posted.v1"]}
    service.failing = {"1"}
    await say("1")
    async with service.hearing():
        await service.consumed(1)
        assert not await service.lot.waiting_keys(["1"])
        (waiting,) = await service.lot.list(10)
        assert waiting.record.key == f"{service.prefix}{TOPIC}/1"


async def _left(lot: ParkingLot, count: int) -> None:
    assert await lot.size() == count


async def _empty(lot: ParkingLot) -> None:
    assert not await lot.list(1)


async def test_a_connection_that_uvloop_closed_is_opened_again(service, say, monkeypatch):
    def closed(*_):
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

    await say("1", id_="before")
    async with service.hearing() as consumer:
        await service.consumed(1)
        client = consumer._client
        for connection in list(client._client._conns.values()):
            monkeypatch.setattr(connection._writer, "write", closed)
        await say("1", id_="after")
        await service.consumed(2)
        assert consumer._client is client
    assert service.handled == ["before", "after"]


async def test_a_consumer_that_stopped_fetching_is_replaced(service, say):
    await say("1", id_="before")
    async with service.hearing() as consumer:
        await service.consumed(1)
        client = consumer._client
        client._fetcher.error_future.cancel()
        await eventually(lambda: consumer._client not in (None, client))
        await say("1", id_="after")
        await service.consumed(2)
    assert service.handled == ["before", "after"]


async def test_nothing_is_handled_before_the_consumer_is_placed(service, say, monkeypatch):
    """Its client polls meanwhile, from where Kafka says."""
    consumed, answered = service.positions.consumed, asyncio.Event()

    async def later(topics):
        positions = await consumed(topics)
        await answered.wait()
        return positions

    monkeypatch.setattr(service.positions, "consumed", later)
    await say("1", id_="first")
    async with service.hearing() as consumer:
        await eventually(partial(has_polled, consumer, 1))
        answered.set()
        await say("1", id_="second")
        await service.consumed(2)
    assert service.handled == ["first", "second"]


async def has_polled(consumer, records: int) -> None:
    assert (client := consumer._client)
    assert sum([await client.position(place) for place in client.assignment()]) == records


async def test_what_is_in_hand_during_a_rebalance_is_handled_once(service, say):
    service.slow["first"] = asyncio.Event()
    await say("1", id_="first")
    async with service.hearing() as consumer:
        await eventually(lambda: service.under_way["first"] == 1)
        coordinator = consumer._client._coordinator
        generation = coordinator.generation
        coordinator.request_rejoin()
        await eventually(lambda: coordinator.generation > generation)
        await eventually(consumer._client.assignment)
        service.slow["first"].set()
        await say("1", id_="second")
        await service.consumed(2)
    assert service.handled == ["first", "second"]


async def test_a_part_that_is_away_is_waited_for_and_nothing_is_parked(service, say):
    service.away = True
    await say("1")
    async with service.hearing():
        with pytest.raises(AssertionError):
            await eventually(lambda: len(service.handled) > 0, 0.5)
        service.away = False
        await service.consumed(1)
    assert service.outcomes == {"applied": 1}


async def test_what_was_done_before_a_part_went_away_is_counted_once(service, say):
    service.away_from = {"second"}
    await say("1", id_="first")
    await say("1", id_="second")
    async with service.hearing():
        await eventually(lambda: "first" in service.handled)
        with pytest.raises(AssertionError):
            await eventually(lambda: "second" in service.handled, 0.5)
        service.away_from = set()
        await service.consumed(2)
    # What was handled before comes again, to the inbox.
    assert service.handled[-1] == "second"
    assert service.outcomes["applied"] + service.outcomes["duplicate"] == 2


async def test_no_handler_runs_on_beside_its_next_try(service, say):
    go_on = asyncio.Event()
    service.slow, service.away_from = {"slow": go_on}, {"away"}
    async with service.hearing():
        await say("1", id_="slow")
        await say("2", id_="away")
        await say("3", id_="last")
        await eventually(lambda: service.under_way["slow"] == 1)
        with pytest.raises(AssertionError):
            await eventually(lambda: service.most_under_way > 1, 0.5)
        service.away_from = set()
        go_on.set()
        await service.consumed(3)
    assert service.most_under_way == 1


async def test_a_consumer_that_died_leaves_its_events_to_the_next(service, say):
    await say("1")
    async with service.hearing():
        await service.consumed(1)
    await say("2")
    async with service.hearing():
        await service.consumed(2)
    assert service.outcomes["applied"] == 2
