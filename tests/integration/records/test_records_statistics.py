"""The statistics as they run: a process of their own."""

import os
import sys
import urllib.request
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from eventually import eventually
from fixtures.kafka import administering
from fixtures.procedure import approved, configured, notified, numbered
from fixtures.samples import MONDAY, facts, received
from fixtures.wire import Wire
from prometheus_client.parser import text_string_to_metric_families

from bmt.contracts import topics
from bmt.contracts.events import Filed
from evaluation import ports
from evaluation.supervisor import Process, Program, Unready

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
SECONDS = 120.0
"""Patience: a rebalance takes as long as the slowest member's next poll, on a machine however busy."""


@pytest.fixture
async def wire(kafka, topic_prefix):
    wire = Wire(kafka.options, topic_prefix)
    await wire.create(*topics.WRITERS)
    await wire.start()
    yield wire
    await wire.stop()


@pytest.fixture(scope="module")
def port():
    """Of a process by its name: started again, Kafka knows it by its host and port."""
    return cache(lambda name: ports.any_free_port())


@pytest.fixture
def started(kafka, topic_prefix, tmp_path, port):
    """`async with started() as (process, figures)`."""

    @asynccontextmanager
    async def start(name="statistics"):
        own_port = port(name)
        environment = {
            **kafka.environment,
            "BMT_TOPIC_PREFIX": topic_prefix,
            "BMT_PORT": str(own_port),
        }

        async def ready():
            return await ports.listening(own_port)

        program = Program(
            name=name,
            command=(sys.executable, "-m", "services.records.statistics.main"),
            ready=ready,
            environment=environment,
            folder=ROOT,
        )
        process = await Process.start(program, tmp_path / "logs")
        try:
            await process.become_ready()
            yield process, lambda: figures(own_port)
        finally:
            await process.stop()

    return start


def figures(port):
    """(step, agency) → how many, how many seconds in all."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    samples = [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if family.name == "bmt_step_seconds"
    ]
    told = {}
    for suffix in ("_count", "_sum"):
        for sample in samples:
            if sample.name.endswith(suffix):
                key = (sample.labels["step"], sample.labels["agency"])
                told.setdefault(key, []).append(sample.value)
    return {key: tuple(values) for key, values in told.items()}


def whole(request):
    filed = Filed(request=request, file_number="X/1", volume=1, folios=0, filed_at=MONDAY)
    told = notified(request, "configured")
    return [*numbered(received(request), approved(request), configured(request), told), (filed, 1)]


async def committed(kafka, prefix):
    """Where the statistics would go on: nowhere, so they begin at the beginning."""
    async with administering(kafka.options) as admin:
        offsets = await admin.list_consumer_group_offsets(f"{prefix}bmt.statistics")
    return {place: at for place, at in offsets.items() if at.offset >= 0}


async def test_turnaround_is_told_whatever_comes_twice_or_is_no_event_and_however_many_tell(
    kafka, topic_prefix, wire, started
):
    """One that was killed begins again; two live beside each other, and share the requests."""
    first, second = facts(), facts(agency="JPA")
    poison = AIOKafkaProducer(**kafka.options)
    await poison.start()
    async with started() as (process, told):
        ids = {}
        for event, sequence in whole(first) * 2:
            ids[type(event)] = await wire.say(
                event, sequence=sequence, event_id=ids.get(type(event), "")
            )
            await poison.send_and_wait(topic_prefix + topics.REQUESTS, b"{not json", key=b"x")
            await poison.send_and_wait(topic_prefix + topics.DECISIONS, None, key=b"x")
        for event, sequence in reversed(whole(second)):
            await wire.say(event, sequence=sequence)

        def all_told():
            seen = told()
            steps = ("decided", "configured", "notified", "filed")
            assert {labels: many for labels, (many, _) in seen.items()} == {
                (step, agency): 1 for step in steps for agency in ("MAMPU", "JPA")
            }
            assert seen["decided", "MAMPU"] == seen["configured", "JPA"] == (1, 3600.0)
            return seen

        before = await eventually(all_told, SECONDS)
        os.kill(process.pid, 9)
        await process.ended()
    await poison.stop()
    assert await committed(kafka, topic_prefix) == {}
    requests = [facts(agency="KPM") for _ in range(12)]

    def all_counted(*processes):
        def counted():
            shares = [told().get(("filed", "KPM"), (0, 0))[0] for told in processes]
            assert sum(shares) == len(requests)
            return shares

        return counted

    async with started() as (one, of_one):

        def told_again():
            assert of_one() == before

        await eventually(told_again, SECONDS)
        for request in requests:
            for event, sequence in whole(request):
                await wire.say(event, sequence=sequence)
        await eventually(all_counted(of_one), SECONDS)
        async with started("another") as (other, of_other):
            shares = await eventually(all_counted(of_one, of_other), SECONDS)
            assert all(shares)
            assert one.running
            assert other.running
        await eventually(all_counted(of_one), SECONDS)


async def test_topics_of_unlike_partitions_are_refused(create_topics, started):
    await create_topics(*topics.WRITERS.keys() - {topics.RECORDS})
    await create_topics(topics.RECORDS, partitions=4)
    with pytest.raises(Unready, match=r"equally many partitions: .*bmt\.records\.v1 has 4"):
        async with started("third"):
            pass
