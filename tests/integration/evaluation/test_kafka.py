"""The embedded Kafka: what a broker that hangs or is killed leaves, and what makes it start fast."""

import asyncio
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from eventually import eventually
from fixtures.kafka import embedded_kafka
from fixtures.positions import KeptPositions, nothing_missed

from bmt.chassis.messaging.consumer import Consumer
from bmt.contracts import topics
from bmt.rights import kafka_rights
from evaluation import kafka, machine
from evaluation.kafka import JVM
from evaluation.machine import java
from evaluation.supervisor import running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
async def started(tmp_path_factory):
    """A broker, and its process."""
    folder = tmp_path_factory.mktemp("broker")
    part = embedded_kafka(folder)
    async with running(part.program(), folder / "logs") as process:
        yield part, process


async def write(broker, user, topic):
    producer = AIOKafkaProducer(**broker.options(user), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        return await producer.send_and_wait(topic, b"{}", key=b"k")
    finally:
        await producer.stop()


async def read(broker, user, topic, group):
    consumer = AIOKafkaConsumer(
        topic, **broker.options(user), group_id=group, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        return await consumer.getone()
    finally:
        await consumer.stop()


class Nobody:
    """Stands where the dispatcher stands."""

    async def handle(self, _) -> None:
        pass

    async def update_views(self) -> None:
        pass


async def test_a_consumer_stops_soon_though_its_broker_is_frozen(started):
    broker, process = started
    consumer = Consumer(
        topics=["bmt.requests.v1"],
        group="test",
        client_options=broker.options(),
        dispatcher=Nobody(),
        positions=KeptPositions(),
        missed=nothing_missed,
    )

    async def assigned() -> None:
        assert consumer._client is not None
        assert consumer._client.assignment()

    hearing = asyncio.create_task(consumer.run())
    await eventually(assigned, 30)
    process.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        hearing.cancel()
        await asyncio.wait([hearing])
        assert time.monotonic() - began < 10
    finally:
        process.signal(signal.SIGCONT)


async def test_a_users_new_password_holds_and_the_old_one_no_longer(started):
    broker, _ = started
    topic = topics.inbound("hrmis")
    changed = replace(broker, passwords={**broker.passwords, "hrmis": "another"})

    async def comes_in(by) -> bool:
        try:
            return bool(await write(by, "hrmis", topic))
        except KafkaConnectionError:
            return False

    try:
        await kafka_rights.establish(broker.options(), changed.passwords)
        await eventually(lambda: comes_in(changed))
        assert not await comes_in(broker)
    finally:
        await kafka_rights.establish(broker.options(), broker.passwords)


async def test_a_killed_broker_is_back_with_what_it_acknowledged(started, tmp_path):
    """Last of those who share it."""
    part, process = started
    await write(part, "intake", "bmt.requests.v1")
    process.signal(signal.SIGKILL)
    await process.ended()

    async with running(part.program(), tmp_path / "logs"):
        assert (await read(part, "approval", "bmt.requests.v1", "bmt.approval")).value == b"{}"


def said_with(*options):
    """What a JVM says that is started as the broker's is, with these options besides."""
    command = (str(java()), *JVM, *options, "-cp", machine.classpath(), "kafka.Kafka", "--version")
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_broker_starts_from_the_archive_of_its_classes():
    await kafka.archive_classes()

    said = said_with(*kafka._from_archive(), "-XX:AOTMode=on")  # an error where it cannot

    assert (said.returncode, said.stdout) == (0, f"{machine.version()}\n"), said.stdout


def test_an_archive_that_is_spoilt_keeps_no_broker_from_starting(tmp_path, monkeypatch):
    spoilt = tmp_path / "spoilt.aot"
    spoilt.write_bytes(b"no archive")
    monkeypatch.setattr(kafka, "_archive", lambda: spoilt)

    said = said_with(*kafka._from_archive())

    assert (said.returncode, said.stdout) == (0, f"{machine.version()}\n"), said.stderr
    assert said_with(*kafka._from_archive(), "-XX:AOTMode=on").returncode == 1
