"""Approval hears so many events, in this process; how long it took from the first one on."""

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaProducer

from bench.reviews import enveloped, received
from bench.system import Bench
from bmt.chassis.messaging.dispatch import Dispatcher
from bmt.chassis.messaging.parking import Record
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from evaluation.layout import agencies_file
from services.approval.main import build
from services.approval.settings import Settings

SECONDS_BETWEEN_LOOKS = 0.02
SECONDS = 300.0


async def say(bench: Bench, numbers: range) -> None:
    """Put RequestReceived of these numbers on intake's topic."""
    async with AIOKafkaProducer(max_batch_size=256 * 1024, **bench.kafka()) as producer:
        sent = []
        for number in numbers:
            envelope = enveloped(received(number), number)
            value = received(number).model_dump_json().encode()
            key = str(envelope.subject).encode()
            sent.append(
                await producer.send(topics.REQUESTS, value, key, headers=envelope.kafka_headers())
            )
        await asyncio.gather(*sent)


async def hear(bench: Bench, count: int, database: str = "") -> tuple[float, float]:
    """Seconds and CPU seconds until all are decided, durable and said."""
    settings = _settings(bench, database or f"bench_{uuid.uuid4().hex[:8]}")
    client = connect(bench.system.mongodb.uri())
    commits = client[settings.database]["commits"]
    with _first_handled() as first:
        app = build(settings)
        async with app.router.lifespan_context(app):
            async with asyncio.timeout(SECONDS):
                while first[1] < count or await commits.find_one({"outbox": True}):  # noqa: ASYNC110
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            ended, cpu = time.perf_counter(), time.process_time()
    if not database:
        await client.drop_database(settings.database)
    client.close()
    return ended - first[0][0], cpu - first[0][1]


def _settings(bench: Bench, name: str) -> Settings:
    kafka: dict[str, Any] = bench.kafka()

    class InAGroupOfItsOwn(Settings):
        service = f"bench-{uuid.uuid4().hex[:8]}"

        @property
        def database(self) -> str:
            return name

    return InAGroupOfItsOwn(
        port=1,
        allow_http=True,
        mongodb_uri=bench.system.mongodb.uri(),
        issuer=bench.system.issuer.url,
        agencies_file=agencies_file(),
        kafka_bootstrap_servers=kafka["bootstrap_servers"],
        kafka_security_protocol=kafka["security_protocol"],
        kafka_sasl_mechanism=kafka["sasl_mechanism"],
        kafka_username=kafka["sasl_plain_username"],
        kafka_password=kafka["sasl_plain_password"],
    )


@contextmanager
def _first_handled() -> Iterator[list[Any]]:
    """[(time, CPU time) at the first event, events handled so far]."""
    seen: list[Any] = [(0.0, 0.0), 0]
    handle = Dispatcher.handle

    async def counted(self: Dispatcher, records: Sequence[Record]) -> None:
        if not seen[1]:
            seen[0] = time.perf_counter(), time.process_time()
        await handle(self, records)
        seen[1] += len(records)

    Dispatcher.handle = counted
    try:
        yield seen
    finally:
        Dispatcher.handle = handle
