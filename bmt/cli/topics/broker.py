"""The topics as Kafka knows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from bmt.cli.addresses import KafkaAddress
from bmt.cli.connections import kafka_consumer, kafka_topics
from bmt.cli.topics.listing import Listed, Partition, ours, writers
from bmt.rights.kafka_rights import Right, in_force


async def everything(address: KafkaAddress) -> list[Listed]:
    """Each topic of the house, in the procedure's order.

    Raises:
        NotRunning: Kafka is not there, or refuses what is asked.
    """
    present = await kafka_topics(address)
    names = ours(
        name.removeprefix(address.prefix) for name in present if name.startswith(address.prefix)
    )
    async with kafka_consumer(address) as consumer:
        rights = await _rights(address)
        return [
            Listed(
                name,
                await _partitions(consumer, address.prefix + name, present),
                None if rights is None else writers(rights, address.prefix + name),
            )
            for name in names
        ]


async def _partitions(
    consumer: Any, topic: str, present: Mapping[str, Sequence[int]]
) -> list[Partition]:
    places = [TopicPartition(topic, number) for number in present.get(topic, ())]
    if not places:
        return []
    first = await consumer.beginning_offsets(places)
    end = await consumer.end_offsets(places)
    return [Partition(place.partition, first[place], end[place]) for place in places]


async def _rights(address: KafkaAddress) -> set[Right] | None:
    """None where Kafka keeps no rights, or does not tell this user."""
    try:
        return await in_force(address.options)
    except KafkaError:
        return None
