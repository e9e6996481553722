"""A broker that is frozen: there, and silent."""

import asyncio
import os
import signal
import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from eventually import eventually
from fixtures.kafka import embedded_kafka
from fixtures.positions import KeptPositions, nothing_missed

from bmt.chassis.messaging.consumer import Consumer
from evaluation.supervisor import running

pytestmark = pytest.mark.integration

TOPIC = "test.parcels.v1"


class Nobody:
    """Stands where the dispatcher stands."""

    async def handle(self, _) -> None:
        pass

    async def update_views(self) -> None:
        pass


async def test_a_consumer_stops_soon_though_its_broker_is_silent(tmp_path):
    kafka = embedded_kafka(tmp_path)
    async with running(kafka.program(), tmp_path / "logs") as broker:
        admin = AIOKafkaAdminClient(**kafka.options())
        await admin.start()
        await admin.create_topics([NewTopic(TOPIC, 1, 1)])
        await admin.close()
        consumer = Consumer(
            topics=[TOPIC],
            group="test",
            client_options=kafka.options(),
            dispatcher=Nobody(),
            positions=KeptPositions(),
            missed=nothing_missed,
        )

        async def assigned() -> None:
            assert consumer._client is not None
            assert consumer._client.assignment()

        hearing = asyncio.create_task(consumer.run())
        await eventually(assigned, 30)
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            hearing.cancel()
            await asyncio.wait([hearing])
            assert time.monotonic() - began < 10
        finally:
            os.kill(broker.pid, signal.SIGCONT)
