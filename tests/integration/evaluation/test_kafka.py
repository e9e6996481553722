"""The embedded Kafka: who may do what, and what a kill leaves."""

import asyncio
import signal
import subprocess
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
)
from eventually import eventually
from fixtures.kafka import embedded_kafka
from fixtures.positions import KeptPositions, nothing_missed

from bmt.chassis.messaging.consumer import Consumer
from bmt.rights.kafka_rights import table
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


@pytest.fixture
def broker(started):
    return started[0]


async def write(broker, user, topic, *, idempotent=True):
    producer = AIOKafkaProducer(**broker.options(user), acks="all", enable_idempotence=idempotent)
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


async def test_topics_are_made_as_the_table_says(broker):
    admin = AIOKafkaAdminClient(**broker.options("admin"))
    await admin.start()
    try:
        (answer,) = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in table().topics]
        )
    finally:
        await admin.close()
    made = {
        name: {config[0]: config[1] for config in configs}
        for _, _, _, name, configs in answer.resources
    }
    for name, topic in table().topics.items():
        assert {key: made[name][key] for key in topic.config()} == topic.config()


async def test_a_service_writes_its_own_topic_and_the_dead_letters(broker):
    assert (await write(broker, "intake", "bmt.requests.v1")).topic == "bmt.requests.v1"
    assert await write(broker, "intake", "bmt.dead-letters.v1")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("hrmis", "bmt.requests.v1"),
        ("hrmis", "bmt.dead-letters.v1"),
        ("approval", "bmt.requests.v1"),
        ("records", "bmt.decisions.v1"),
    ],
)
async def test_nobody_writes_the_topic_of_another(broker, user, topic):
    with pytest.raises(TopicAuthorizationFailedError):
        await write(broker, user, topic)


async def test_an_integrator_writes_its_inbound_topic_and_intake_reads_it(broker):
    await write(broker, "hrmis", "bmt.inbound.hrmis.v1")

    assert (await read(broker, "intake", "bmt.inbound.hrmis.v1", "bmt.intake")).value == b"{}"


async def test_an_integrator_writes_in_a_transaction_of_its_own_name(broker):
    options = broker.options("hrmis")
    async with AIOKafkaProducer(**options, transactional_id="hrmis-transactions") as producer:
        async with producer.transaction():
            assert await producer.send_and_wait("bmt.inbound.hrmis.v1", b"{}")

        with pytest.raises(TopicAuthorizationFailedError):
            async with producer.transaction():
                await producer.send_and_wait("bmt.requests.v1", b"{}")


async def test_the_statistics_write_nothing(broker):
    with pytest.raises(TopicAuthorizationFailedError):
        await write(broker, "statistics", "bmt.records.v1", idempotent=False)


async def test_an_observer_reads_and_never_writes(broker):
    await write(broker, "approval", "bmt.decisions.v1")

    assert (await read(broker, "observer", "bmt.decisions.v1", "any-name")).value == b"{}"
    with pytest.raises(TopicAuthorizationFailedError):
        await write(broker, "observer", "bmt.decisions.v1", idempotent=False)
    with pytest.raises(ClusterAuthorizationFailedError):
        await write(broker, "observer", "bmt.decisions.v1")


@pytest.mark.parametrize(
    "topic", [name for name in table().topics if name != "bmt.outbound.hrmis.v1"]
)
async def test_an_integrator_reads_nothing_but_its_answers(broker, topic):
    with pytest.raises(TopicAuthorizationFailedError):
        await read(broker, "hrmis", topic, "hrmis.follows")


async def test_an_integrator_reads_its_answers_which_intake_writes(broker):
    await write(broker, "intake", "bmt.outbound.hrmis.v1")

    answer = await read(broker, "hrmis", "bmt.outbound.hrmis.v1", "hrmis.follows")
    assert answer.value == b"{}"


async def test_an_outsider_cannot_join_the_group_of_a_service(broker):
    with pytest.raises(GroupAuthorizationFailedError):
        await read(broker, "hrmis", "bmt.outbound.hrmis.v1", "bmt.approval")


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


async def test_a_killed_broker_is_back_with_what_it_acknowledged(tmp_path):
    part = embedded_kafka(tmp_path)
    async with running(part.program(), tmp_path / "logs") as process:
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
