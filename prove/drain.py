"""Waits until a system has no work left: nothing to publish, to consume or to do."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime import mongodb
from prove.bounded import bounded
from prove.schedule import SERVICES
from prove.site import Site

SECONDS_BETWEEN_LOOKS: Final = 0.5
LONGEST_LOOK_SECONDS: Final = 20.0


async def settled(site: Site, no_progress_seconds: float) -> Mapping[str, int]:
    """The work left: empty, or what stayed the same for so many seconds."""
    left: Mapping[str, int] = {}
    since = time.monotonic()
    while time.monotonic() - since < no_progress_seconds:
        try:
            found = {
                name: count
                for name, count in (await bounded(_left(site), LONGEST_LOOK_SECONDS)).items()
                if count
            }
        except (Unavailable, KafkaError, OSError, TimeoutError):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            continue
        if not found:
            return {}
        if found != left:
            left, since = found, time.monotonic()
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    return left


async def _left(site: Site) -> Mapping[str, int]:
    counts = await _stored(site.system.mongodb.uri())
    options = site.system.kafka.options()
    return counts | {f"{name} has to hear": await _lag(name, options) for name in SERVICES}


async def _stored(uri: str) -> dict[str, int]:
    client = mongodb.connect(uri)
    counts: dict[str, int] = {}
    try:
        with mongodb.store_errors():
            for name in SERVICES:
                database = client[f"bmt_{name}"]
                outbox = database["commits"].count_documents({"outbox": True})
                counts[f"{name} has to say"] = await outbox
                counts[f"{name} has to do"] = await database["work"].count_documents({})
    finally:
        client.close()
    return counts


async def _lag(service: str, options: Mapping[str, Any]) -> int:
    administrator = AIOKafkaAdminClient(**options)
    await administrator.start()
    try:
        committed = await administrator.list_consumer_group_offsets(f"bmt.{service}")
    finally:
        await administrator.close()
    offsets: dict[TopicPartition, int] = {place: each.offset for place, each in committed.items()}
    consumer = AIOKafkaConsumer(**options)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(offsets))
    finally:
        await consumer.stop()
    return sum(max(0, end - max(0, offsets[place])) for place, end in ends.items())
