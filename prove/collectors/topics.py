"""Every record of the topics that the observer may read, from the beginning."""

import asyncio
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from bmt.contracts import topics
from prove.evidence import Endpoints, Record, Unreachable

READ: Final = (*topics.PUBLIC, topics.RECORDS, topics.DEAD_LETTERS)
PATIENCE_SECONDS: Final = 60.0


async def gather(where: Endpoints) -> tuple[Record, ...]:
    """All records, each partition in order.

    Raises:
        Unreachable: the broker does not answer in time.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await _read(where)
    except (KafkaError, OSError, TimeoutError) as error:
        raise Unreachable("kafka", type(error).__name__) from error


async def _read(where: Endpoints) -> tuple[Record, ...]:
    kafka = where.ready["kafka"]
    consumer = AIOKafkaConsumer(
        *READ,
        bootstrap_servers=kafka["bootstrap_servers"],
        security_protocol=kafka["security_protocol"],
        sasl_mechanism=kafka["sasl_mechanism"],
        sasl_plain_username=where.kafka_user,
        sasl_plain_password=kafka["principals"][where.kafka_user],
        group_id=None,  # reads all partitions and commits nothing
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    try:
        return await _drained(consumer)
    finally:
        await consumer.stop()


async def _drained(consumer: AIOKafkaConsumer) -> tuple[Record, ...]:
    places = sorted(consumer.assignment())
    await consumer.seek_to_beginning(*places)
    ends = await consumer.end_offsets(places)
    found: dict[TopicPartition, list[Record]] = {place: [] for place in places}
    while [place for place in places if await consumer.position(place) < ends[place]]:
        batch = await consumer.getmany(timeout_ms=500)
        for place, records in batch.items():
            found[place] += [_record(each) for each in records if each.offset < ends[place]]
    return tuple(record for place in places for record in found[place])


def _record(raw: ConsumerRecord[Any, Any]) -> Record:
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        timestamp=raw.timestamp,
        key=raw.key,
        headers=tuple((name, bytes(value or b"")) for name, value in raw.headers),
        value=raw.value,
    )
