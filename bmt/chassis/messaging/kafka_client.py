"""The publisher, and what all Kafka clients share: they stop within bounds, and no consumer stops fetching unnoticed.

uvloop's transports raise `RuntimeError` for a closed connection, which aiokafka takes for a defect of its
own (its issue 1038): the fetch task dies, and every later poll returns nothing. So aiokafka gets the error
it expects here, and a consumer whose fetch task died all the same is replaced.
"""

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError, MessageSizeTooLargeError

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, RecordTooLarge
from bmt.contracts.immutable import immutable

T = TypeVar("T")

log = structlog.get_logger(__name__)

STOPPED_WITHIN_SECONDS: Final = 5.0
"""The client would wait 40 seconds for a silent broker: longer than any stop may take."""

_send = AIOKafkaConnection.send


async def stop(client: Any) -> None:
    """Stop a producer or a consumer. The broker notices by itself what is not done in time."""
    try:
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            await client.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        log.warning("kafka_client_did_not_stop", error=type(error).__name__)


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The call's result. A call that takes longer is abandoned.

    The client's calls cannot always be cancelled, and cancel each other when a connection is lost. Neither may
    delay or end the caller.

    Raises:
        TimeoutError: it took longer, or the client gave it up.
    """
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()


def require_fetching(client: AIOKafkaConsumer) -> None:
    """Raise `KafkaError` if the fetch task died, which it never reports. Another client must replace it."""
    if client._fetcher.error_future.done():  # noqa: SLF001  there is no other sign of it
        raise KafkaError("the consumer does not fetch any more")


def send(connection: AIOKafkaConnection, *request: Any, **options: Any) -> Any:
    """Aiokafka's own, but a closed transport's `RuntimeError` becomes a `KafkaConnectionError`."""
    try:
        return _send(connection, *request, **options)
    except RuntimeError as error:
        connection.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"connection closed ({error})") from error


AIOKafkaConnection.send = send


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
                    await stop(producer)
                    raise BrokerUnavailable from error
                except asyncio.CancelledError:  # the caller had a shorter timeout
                    await stop(producer)
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
                crash_points.reached("kafka_client.sent")
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
            ends = await bounded(self._ends(topics), ENDS_WITHIN_SECONDS)
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
            await stop(consumer)
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
        await stop(producer)

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
