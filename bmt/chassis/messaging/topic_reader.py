"""Reads a topic that grows slowly, without a group: to its end, and from there again."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from bmt.chassis.errors import BrokerUnavailable
from bmt.chassis.messaging import kafka_client

CONNECTED_WITHIN_SECONDS: Final = 10.0
SILENT_SECONDS: Final = 15.0
"""How long the broker may send nothing before the end is reached."""


class TopicReader:
    """Reads a topic to its present end, all of it or the `newest` so many of each partition, and later what came since.

    The connection stays, and fetches nothing between two readings. Every method but `close` raises
    `BrokerUnavailable` if Kafka cannot be reached, refuses, or fell silent; the next reading begins anew.
    """

    def __init__(self, options: Mapping[str, Any], topic: str, newest: int | None = None) -> None:
        self._options = options
        self._topic = topic
        self._newest = newest
        self._consumer: AIOKafkaConsumer | None = None
        self._places: Collection[TopicPartition] = ()

    async def begin(self) -> bool:
        """Connect where that is needed. True: `further` begins at the beginning, also of a topic that was made anew."""
        async with self._closed_by_errors():
            if self._consumer is not None and await self._is_another_topic(self._consumer):
                await self.close()
            if self._consumer is None:
                await self._start()
                return True
        return False

    async def further(self) -> AsyncGenerator[Any, None]:
        """The records (of aiokafka) since the last reading, each partition in order."""
        consumer, places = self._consumer, self._places
        if consumer is None or not places:
            return
        async with self._closed_by_errors():
            ends = await consumer.end_offsets(places)
            consumer.resume(*places)
            while any([await consumer.position(place) < ends[place] for place in places]):
                async with asyncio.timeout(SILENT_SECONDS):
                    polled = await consumer.getmany(timeout_ms=500)
                    while not polled:
                        polled = await consumer.getmany(timeout_ms=500)
                for records in polled.values():
                    for record in records:
                        yield record
            consumer.pause(*places)

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await kafka_client.stop(consumer)

    async def _start(self) -> None:
        consumer = self._consumer = AIOKafkaConsumer(
            self._topic, **self._options, enable_auto_commit=False, isolation_level="read_committed"
        )
        async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
            await consumer.start()
        places = self._places = consumer.assignment()
        begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        for place in places:
            newest = begins[place] if self._newest is None else ends[place] - self._newest
            consumer.seek(place, max(begins[place], newest))

    async def _is_another_topic(self, consumer: AIOKafkaConsumer) -> bool:
        """Kafka made it anew, or with other partitions."""
        if consumer.assignment() != self._places:
            return True
        async with asyncio.timeout(CONNECTED_WITHIN_SECONDS):
            ends = await consumer.end_offsets(self._places)
            return any([await consumer.position(place) > ends[place] for place in self._places])

    @asynccontextmanager
    async def _closed_by_errors(self) -> AsyncGenerator[None, None]:
        """What was not read to its end begins anew: no record is passed over."""
        try:
            yield
        except UnknownTopicOrPartitionError:
            await self.close()  # there is nothing yet
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            raise BrokerUnavailable from error
        except BaseException:
            await self.close()
            raise
