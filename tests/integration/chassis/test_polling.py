"""A record that the driver cannot read is refused, once, and those around it are heard."""

import asyncio
from contextlib import asynccontextmanager, suppress

import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from fixtures.positions import KeptPositions, nothing_missed
from fixtures.unreadable import say_unreadable

from bmt.chassis.consumer import Consumer

pytestmark = pytest.mark.integration

TOPIC = "test.parcels.v1"


class Hearer:
    """Stands where the dispatcher stands, and notes what it is given."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.refused: list[int] = []

    async def handle(self, records) -> None:
        self.heard += [record.value for record in records]

    async def refuse_unread(self, _, offset: int) -> None:
        self.refused.append(offset)


@pytest.fixture
async def producer(kafka, topic_prefix, create_topics):
    await create_topics(TOPIC)
    async with AIOKafkaProducer(**kafka.options) as producer:
        yield producer


@pytest.fixture
def topic(topic_prefix) -> str:
    return topic_prefix + TOPIC


@asynccontextmanager
async def hearing(kafka, topic: str, hearer: Hearer, positions: KeptPositions | None = None):
    consumer = Consumer(
        topics=[topic],
        group=f"{topic}.test",
        client_options=kafka.options,
        dispatcher=hearer,
        positions=positions or KeptPositions(),
        missed=nothing_missed,
    )
    running = asyncio.create_task(consumer.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_what_cannot_be_read_is_stepped_over_and_the_rest_flows(kafka, producer, topic):
    for number in range(12):
        await producer.send_and_wait(topic, b"before %d" % number, partition=number % 3)
    await say_unreadable(producer, topic)
    for number in range(12):
        await producer.send_and_wait(topic, b"after %d" % number, partition=number % 3)
    hearer = Hearer()
    async with hearing(kafka, topic, hearer):
        await eventually(lambda: len(set(hearer.heard)) == 24, 30)
    assert sorted(hearer.heard) == sorted(
        b"%s %d" % (when, number) for when in (b"before", b"after") for number in range(12)
    )
    assert hearer.refused == [4, 5]


async def test_what_was_refused_is_not_refused_again_at_the_next_start(kafka, producer, topic):
    await say_unreadable(producer, topic)
    hearers, positions = (Hearer(), Hearer()), KeptPositions()
    for hearer, value in zip(hearers, (b"first start", b"second start"), strict=True):
        async with hearing(kafka, topic, hearer, positions):
            await producer.send_and_wait(topic, value, partition=0)
            await eventually(lambda hearer=hearer, value=value: value in hearer.heard, 30)
    assert [hearer.refused for hearer in hearers] == [[0, 1], []]
