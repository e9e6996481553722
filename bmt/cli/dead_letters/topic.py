"""The topic of dead letters, read from its beginning to the end that it has now."""

import time
from collections.abc import AsyncGenerator
from typing import Final

from aiokafka import TopicPartition

from bmt.chassis.errors import BrokerUnavailable
from bmt.cli.addresses import KafkaAddress
from bmt.cli.connections import kafka_consumer, kafka_topics
from bmt.cli.dead_letters.letter import Letter, letter
from bmt.contracts.topics import DEAD_LETTERS

SILENT_SECONDS: Final = 15.0
"""How long the broker may say nothing while there is more to say."""


async def letters(address: KafkaAddress) -> AsyncGenerator[Letter, None]:
    """Every letter, each partition's in order.

    Raises:
        NotRunning: Kafka is not there, or refuses what is asked.
        BrokerUnavailable: it fell silent.
    """
    topic = address.prefix + DEAD_LETTERS
    places = [TopicPartition(topic, each) for each in (await kafka_topics(address)).get(topic, ())]
    if not places:
        return
    async with kafka_consumer(address) as consumer:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        heard = time.monotonic()
        while any([await consumer.position(place) < ends[place] for place in places]):
            polled = await consumer.getmany(timeout_ms=500)
            for records in polled.values():
                for record in records:
                    yield letter(record)
            if polled:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENT_SECONDS:
                raise BrokerUnavailable
