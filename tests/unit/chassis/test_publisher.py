"""The producer, beside a broker that is there and says nothing."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from bmt.chassis.messaging import kafka_client as publishing
from bmt.chassis.messaging.kafka_client import KafkaPublisher


@pytest.fixture
async def silent_broker():
    """The address of one that takes connections and never answers."""
    connections = []

    def keep(reader, writer) -> None:
        connections.append((reader, writer))

    server = await asyncio.start_server(keep, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield f"{host}:{port}"
    server.close()
    for _, writer in connections:
        writer.close()


async def test_a_check_that_runs_out_of_time_leaves_no_producer_behind(silent_broker, monkeypatch):
    made = []

    class Noted(AIOKafkaProducer):
        def __init__(self, **options) -> None:
            super().__init__(**options)
            made.append(self)

    monkeypatch.setattr(publishing, "AIOKafkaProducer", Noted)
    publisher = KafkaPublisher({"bootstrap_servers": silent_broker})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await publisher.reachable()
    assert [producer._closed for producer in made] == [True]
