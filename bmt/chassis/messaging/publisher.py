"""Publishing to Kafka: idempotent, acknowledged by all in-sync replicas, in order for each key."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, RecordTooLarge
from bmt.chassis.messaging import kafka_client
from bmt.contracts.immutable import immutable

log = structlog.get_logger(__name__)

ACKNOWLEDGED_WITHIN_SECONDS: Final = 15.0
CONNECTED_WITHIN_SECONDS: Final = 10.0
ENDS_WITHIN_SECONDS: Final = 20.0


@immutable
class Outgoing:
    """A Kafka record to be published."""

    topic: str
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]
    value: bytes | None


Connections = frozenset[Any]


class KafkaPublisher:
    """One idempotent producer, replaced by a new one after a failure.

    A producer that met an out-of-order sequence stays dead, and with idempotence its batches never expire. So
    every wait is bounded, and after a failure the producer is thrown away.
    """

    def __init__(self, client_options: Mapping[str, Any]) -> None:
        self._options = dict(client_options)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._known: Connections = frozenset()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=0,
                    max_batch_size=256 * 1024,
                    max_request_size=16 * 1024 * 1024,
                    request_timeout_ms=10_000,
                    **self._options,
                )
                try:
                    async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                        await producer.start()
                except (KafkaError, OSError, TimeoutError) as error:
                    await kafka_client.stop(producer)
                    raise BrokerUnavailable from error
                except asyncio.CancelledError:  # the caller had a shorter timeout
                    await kafka_client.stop(producer)
                    raise
                self._producer = producer
            return self._producer

    async def publish(self, records: Sequence[Outgoing]) -> Mapping[TopicPartition, int]:
        """Return when all are acknowledged, in order for each key: the highest offset of each partition.

        Raises:
            BrokerUnavailable: not all are known to be; publish the same again.
            RecordTooLarge: one of them never will be.
        """
        producer = await self._started()
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_SECONDS):
                acknowledged = [
                    await producer.send(
                        record.topic, record.value, record.key, headers=list(record.headers)
                    )
                    for record in records
                ]
                crash_points.reached("publisher.sent")
                places = await asyncio.gather(*acknowledged)
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("publish_failed", records=len(records), error=type(error).__name__)
            await self._discard(producer)
            if isinstance(error, MessageSizeTooLargeError):
                raise RecordTooLarge from error
            raise BrokerUnavailable from error
        highest: dict[TopicPartition, int] = {}
        for place in places:
            known = highest.get(place.topic_partition, -1)
            highest[place.topic_partition] = max(place.offset, known)
        return highest

    async def ends(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """The offset after the last record of each partition; none for a missing topic. Raises `BrokerUnavailable`."""
        try:
            ends = await kafka_client.bounded(self._ends(topics), ENDS_WITHIN_SECONDS)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable from error
        self._known = self._connections()
        return ends

    async def _ends(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        producer = await self._started()
        consumer = AIOKafkaConsumer(**self._options)
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                cluster = await producer.client.fetch_all_metadata()
                places = [
                    TopicPartition(topic, partition)
                    for topic in topics
                    for partition in cluster.partitions_for_topic(topic) or ()
                ]
                await consumer.start()
                ends: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
        finally:
            await kafka_client.stop(consumer)
        return ends

    def reconnected(self) -> bool:
        """Whether the broker may be another one than at the last call of `ends`."""
        return not self._known or self._connections() != self._known

    def _connections(self) -> Connections:
        """The open ones. The library has no other sign of a lost connection."""
        if self._producer is None:
            return frozenset()
        connections = self._producer.client._conns.values()  # noqa: SLF001  as above
        return frozenset(each for each in connections if each.connected())

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        await kafka_client.stop(producer)

    async def reachable(self) -> None:
        """Return if the broker answers, else raise `BrokerUnavailable`."""
        producer = await self._started()
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
                await producer.client.fetch_all_metadata()
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable from error

    async def close(self) -> None:
        if self._producer is not None:
            await self._discard(self._producer)
