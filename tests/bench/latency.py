"""Decision accepted → Notified, at rest: one request at a time."""

import asyncio
import json
import time
from typing import Final

from aiokafka import AIOKafkaConsumer

from bench.figures import Figure, percentile
from bench.http_client import connections
from bench.options import Options
from bench.submissions import approvals, submission
from bench.system import Bench, running
from bmt.contracts import topics

NAME: Final = "latency"
SECONDS: Final = 30.0


async def run(options: Options) -> list[Figure]:
    """Each round some requests, each awaited to its end before the next."""
    count = max(3, options.requests // 60)
    rounds: list[list[float]] = []
    async with (
        running(accounts=count * (options.rounds + 1)) as bench,
        AIOKafkaConsumer(topics.DECISIONS, topics.NOTIFICATIONS, **bench.kafka()) as consumer,
    ):
        await consumer.seek_to_end()
        (token,) = bench.administrators(1)
        for number in range(options.rounds + 1):
            taken = [
                await _one(bench, consumer, submission(each, token), token)
                for each in range(number * count, (number + 1) * count)
            ]
            rounds.append(taken)
    return [
        Figure(
            NAME,
            f"decision accepted to Notified, at rest, {name}",
            "ms",
            [percentile(each, share) for each in rounds[1:]],
            goal=goal,
            higher_is_better=False,
        )
        for name, share, goal in (("p50", 0.5, "≤ 150"), ("p95", 0.95, ""))
    ]


async def _one(bench: Bench, consumer: AIOKafkaConsumer, request: bytes, token: str) -> float:
    """Milliseconds from the answer to the decision until its outcome was told."""
    async with connections(bench.port("intake"), 1) as (intake,):
        _, body = await intake.call(request)
    request_id = json.loads(body)["request_id"]
    await _incoming(consumer, request_id, {"ReviewOpened", "Notified"})
    async with connections(bench.port("approval"), 1) as (approval,):
        await approval.call(approvals([request_id], token))
    began = time.perf_counter()
    await _incoming(consumer, request_id, {"Notified"})
    return (time.perf_counter() - began) * 1000


async def _incoming(consumer: AIOKafkaConsumer, request_id: str, names: set[str]) -> None:
    """Return when all of these were said of the request."""
    async with asyncio.timeout(SECONDS):
        while names:
            record = await consumer.getone()
            if record.key == request_id.encode():
                names = names - {dict(record.headers)["ce_type"].decode().split(".")[-2]}
