"""A batch that cannot be decoded is refused, once, and everything around it is read."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError
from eventually import eventually
from fixtures.positions import KeptPositions, nothing_missed
from fixtures.unreadable import publish_bomb, publish_odd_header

from bmt.chassis.errors import BrokerUnavailable
from bmt.chassis.messaging.consumer import Consumer

pytestmark = pytest.mark.integration

TOPIC = "test.parcels.v1"


class Reader:
    """Stands where the dispatcher stands, and notes what it is given."""

    def __init__(self) -> None:
        self.values: list[bytes] = []
        self.refused: list[int] = []
        self.reasons: list[str] = []

    async def handle(self, records) -> None:
        for record in records:
            if record.unread is None:
                self.values.append(record.value)
            else:
                self.refused.append(record.offset)
                self.reasons.append(record.unread.reason)

    async def update_views(self) -> None:
        """It keeps no views."""


@pytest.fixture
async def producer(kafka, topic_prefix, create_topics):
    await create_topics(TOPIC)
    async with AIOKafkaProducer(**kafka.options) as producer:
        yield producer


@pytest.fixture
def topic(topic_prefix) -> str:
    return topic_prefix + TOPIC


@asynccontextmanager
async def reading(kafka, topic: str, reader: Reader, positions: KeptPositions | None = None):
    consumer = Consumer(
        topics=[topic],
        group=f"{topic}.test",
        client_options=kafka.options,
        dispatcher=reader,
        positions=positions or KeptPositions(),
        missed=nothing_missed,
    )
    running = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_batches_of_every_codec_are_read(kafka, producer, topic):
    codecs = ("gzip", "snappy", "lz4", "zstd")
    for codec in codecs:
        async with AIOKafkaProducer(compression_type=codec, **kafka.options) as compressing:
            await compressing.send_and_wait(topic, codec.encode() * 100, partition=0)
    reader = Reader()
    async with reading(kafka, topic, reader):
        await eventually(lambda: len(reader.values) == 4, 30)
    assert reader.values == [codec.encode() * 100 for codec in codecs]


async def test_the_name_of_a_header_that_is_not_utf8_refuses_nothing(kafka, producer, topic):
    await publish_odd_header(producer, topic)
    await producer.send_and_wait(topic, b"third", partition=0)
    reader = Reader()
    async with reading(kafka, topic, reader):
        await eventually(lambda: len(reader.values) == 3, 30)
    assert (reader.values, reader.refused) == ([b"first", b"second", b"third"], [])


async def test_what_cannot_be_decoded_is_refused_and_the_rest_flows(kafka, producer, topic):
    for number in range(12):
        await producer.send_and_wait(topic, b"before %d" % number, partition=number % 3)
    assert await publish_bomb(kafka.options, topic) == 4
    for number in range(12):
        await producer.send_and_wait(topic, b"after %d" % number, partition=number % 3)
    reader = Reader()
    async with reading(kafka, topic, reader) as consumer:
        await eventually(lambda: len(set(reader.values)) == 24, 30)
        await consumer.reachable()
        assert consumer.stalled_seconds() < 10
    assert sorted(reader.values) == sorted(
        b"%s %d" % (when, number) for when in (b"before", b"after") for number in range(12)
    )
    assert (reader.refused, reader.reasons) == ([4], ["too_large"])


async def test_what_was_refused_is_not_refused_again_at_the_next_start(kafka, producer, topic):
    await publish_bomb(kafka.options, topic)
    readers, positions = (Reader(), Reader()), KeptPositions()
    for reader, value in zip(readers, (b"first start", b"second start"), strict=True):
        async with reading(kafka, topic, reader, positions) as consumer:
            await producer.send_and_wait(topic, value, partition=0)
            await eventually(lambda reader=reader, value=value: value in reader.values, 30)
            await eventually(lambda consumer=consumer: not consumer._in_hand, 30)
    assert [reader.refused for reader in readers] == [[0], []]


async def test_aborted_transactions_and_their_marks_are_no_records(kafka, producer, topic):
    async with AIOKafkaProducer(transactional_id=f"{topic}.writer", **kafka.options) as writer:
        for value in (b"aborted", b"committed"):
            await writer.begin_transaction()
            await writer.send_and_wait(topic, value, partition=0)
            await (writer.abort_transaction if value == b"aborted" else writer.commit_transaction)()
    await producer.send_and_wait(topic, b"after", partition=0)
    reader = Reader()
    async with reading(kafka, topic, reader) as consumer:
        await eventually(lambda: reader.values == [b"committed", b"after"], 30)
        await eventually(lambda: not sum(consumer._in_hand.values()))
        assert set((await consumer.lag()).values()) == {0}
    assert reader.refused == []


async def test_who_fails_at_what_it_fetches_is_not_ready_until_that_is_over(
    kafka, producer, topic, monkeypatch
):
    failing = True
    getmany = AIOKafkaConsumer.getmany

    async def fails(*rest, **options):
        if failing:
            raise KafkaError("an error that nobody foresaw")
        return await getmany(*rest, **options)

    monkeypatch.setattr(AIOKafkaConsumer, "getmany", fails)
    reader = Reader()
    async with reading(kafka, topic, reader) as consumer:
        await eventually(lambda: consumer._failures > 1, 30)
        with pytest.raises(BrokerUnavailable):
            await consumer.reachable()
        await eventually(lambda: consumer.stalled_seconds() > 1, 30)
        stalled = consumer.stalled_seconds()
        failing = False
        await eventually(lambda: consumer._failures == 0, 30)
        await consumer.reachable()
        await eventually(lambda: consumer.stalled_seconds() < stalled, 30)


@pytest.fixture
def damage(monkeypatch):
    """`damage(times)`: so many fetched batches that hold b"victim" come with a flipped byte."""
    left = 0
    send = AIOKafkaConnection.send

    def damage(times: int) -> None:
        nonlocal left
        left = times

    async def flipped(answer):
        nonlocal left
        response = await answer
        for topic in response.topics:
            for number, partition in enumerate(topic[1]):
                if b"victim" in (partition[-1] or b"") and left:
                    left -= 1
                    damaged = partition[-1].replace(b"victim", b"wictim")
                    topic[1][number] = (*partition[:-1], damaged)
        return response

    def sending(connection, request, *rest, **options):
        answer = send(connection, request, *rest, **options)
        if type(request).__name__.startswith("FetchRequest"):
            return asyncio.ensure_future(flipped(answer))
        return answer

    monkeypatch.setattr(AIOKafkaConnection, "send", sending)
    return damage


async def test_a_batch_that_is_damaged_on_its_way_is_fetched_again(kafka, producer, topic, damage):
    damage(1)
    for value in (b"victim", b"other"):
        await producer.send_and_wait(topic, value, partition=0)
    reader = Reader()
    async with reading(kafka, topic, reader):
        await eventually(lambda: len(reader.values) == 2, 30)
    assert (reader.values, reader.refused) == ([b"victim", b"other"], [])


async def test_a_batch_that_stays_damaged_is_refused_and_the_rest_flows(
    kafka, producer, topic, damage
):
    damage(100)
    for value in (b"victim", b"other"):
        await producer.send_and_wait(topic, value, partition=0)
    reader = Reader()
    async with reading(kafka, topic, reader):
        await eventually(lambda: reader.values == [b"other"], 30)
    assert (reader.refused, reader.reasons) == ([0], ["malformed"])
