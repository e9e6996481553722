"""The topic of dead letters, read from its beginning to the end that it has now."""

import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import asdict
from datetime import datetime
from typing import Final

from aiokafka import TopicPartition

from bmt.chassis.errors import BrokerUnavailable
from bmt.chassis.messaging.publisher import Outgoing
from bmt.chassis.runtime.clock import new_id
from bmt.chassis.runtime.mongodb import Client, store_errors
from bmt.cli import shown
from bmt.cli.addresses import KafkaAddress
from bmt.cli.connections import kafka_consumer, kafka_publisher, kafka_topics
from bmt.cli.dead_letters.listing import Action, DeadLetter, Letter, Origin, grouped, letter
from bmt.cli.outcome import NotSo
from bmt.cli.shown import moment
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
        incoming = time.monotonic()
        while any([await consumer.position(place) < ends[place] for place in places]):
            polled = await consumer.getmany(timeout_ms=500)
            for records in polled.values():
                for record in records:
                    yield letter(record)
            if polled:
                incoming = time.monotonic()
            elif time.monotonic() - incoming > SILENT_SECONDS:
                raise BrokerUnavailable


# What operators did about dead letters. Kafka keeps the letters, MongoDB this; it only grows.


DATABASE: Final = "operations"
"""After the prefix of all databases."""
COLLECTION: Final = "dead_letters"


class Actions:
    """The collection `dead_letters` of the operators' own database."""

    def __init__(self, client: Client, database_prefix: str) -> None:
        self._collection = client[database_prefix + DATABASE][COLLECTION]

    async def all(self) -> list[Action]:
        """Every action."""
        with store_errors():
            found = await self._collection.find({}, {"_id": False}).to_list(None)
        return [Action(**{**each, "places": tuple(each["places"])}) for each in found]

    async def add(self, action: Action) -> None:
        """Keep one; return when it is durable."""
        with store_errors():
            await self._collection.insert_one(
                {"_id": new_id(), **asdict(action), "places": list(action.places)}
            )


# Where dead letters are looked through, published again or set aside.


class Office:
    """The dead letters of one system with what was done about them."""

    def __init__(self, kafka: KafkaAddress, client: Client, database_prefix: str) -> None:
        """`client` may read and write the operators' database."""
        self._kafka = kafka
        self._actions = Actions(client, database_prefix)

    async def everything(self) -> list[DeadLetter]:
        """All, without what they hold, the last refused first."""
        found = (await self._read(())).values()
        return sorted(found, key=lambda each: (each.at, each.id), reverse=True)

    async def some(self, ids: Sequence[str]) -> list[DeadLetter]:
        """These, whole, each topic's in the order in which they were said there.

        Raises:
            NotSo: there is none of one of these ids.
        """
        wanted = dict.fromkeys(shown.read(id_) for id_ in ids)
        found = await self._read(wanted)
        for id_ in wanted:
            if id_ not in found:
                raise NotSo(f"no dead letter is called {id_}: `bmt dead-letters list` names them")
        return sorted((found[id_] for id_ in wanted), key=lambda each: shown.stored(each.id))

    async def retry(self, ids: Sequence[str], by: str, at: datetime) -> int:
        """Publish these events again where they were said, as they were said.

        Each is marked after it was published: a crash between the two leaves it open, and its
        hearers know an event that they have heard.

        Raises:
            NotSo: one is not there or cannot be published; then none was.
        """
        found = await self.some(ids)
        topics = await kafka_topics(self._kafka)
        origins = [_origin(each, topics) for each in found]
        async with kafka_publisher(self._kafka) as publisher:
            for each, origin in zip(found, origins, strict=True):
                event = each.first
                await publisher.publish(
                    [Outgoing(origin.topic, event.key, event.headers, event.value)]
                )
                await self._actions.add(Action(each.id, "retried", by, at, each.places))
        return len(found)

    async def discard(self, ids: Sequence[str], reason: str, by: str, at: datetime) -> int:
        """Mark these letters as needing nothing more; Kafka keeps them.

        Raises:
            NotSo: one is not there or not open; then none was marked.
        """
        found = await self.some(ids)
        for each in found:
            if each.state != "open":
                raise NotSo(_done(each))
        for each in found:
            await self._actions.add(Action(each.id, "discarded", by, at, each.places, reason))
        return len(found)

    async def _read(self, whole: Collection[str]) -> dict[str, DeadLetter]:
        async with aclosing(letters(self._kafka)) as all_letters:
            found = [each if each.id in whole else each.emptied() async for each in all_letters]
        return grouped(found, await self._actions.all())


def _origin(each: DeadLetter, topics: Collection[str]) -> Origin:
    """Where to publish an event again.

    Raises:
        NotSo: it cannot be.
    """
    origin = each.first.origin
    if each.state == "retried":
        raise NotSo(f"{_done(each)}; where it was refused anew, that is a letter of its own")
    if origin is None:
        raise NotSo(f"{each.id} does not say where it came from, and cannot be published again")
    if each.first.left_at_origin:
        raise NotSo(f"{each.id} is not kept here as an event: its writer must publish it anew")
    if origin.topic not in topics:
        raise NotSo(f"{each.id} cannot be published again: topic {origin.topic} is not there")
    return origin


def _done(each: DeadLetter) -> str:
    if not each.actions:
        return f"{each.id} was discarded in the parking lot"
    last = each.actions[-1]
    return f"{each.id} was {last.action} by {last.by} at {moment(last.at)}"
