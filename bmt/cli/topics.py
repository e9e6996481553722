"""`bmt topics`: each topic as Kafka knows it, with its writer, its events and its size."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from bmt.chassis.eventsourcing.event_store import type_of
from bmt.cli import connections
from bmt.cli.command_line import DEFAULT_DATA, AsJson, Data, counted, show
from bmt.cli.connections import KafkaAddress, kafka_consumer, kafka_topics
from bmt.contracts import topics
from bmt.contracts.events import RequestSubmitted
from bmt.rights.kafka_rights import (
    EVERY_OPERATION,
    Operation,
    Pattern,
    Permission,
    Resource,
    Right,
    in_force,
)

_INBOUND: Final = topics.inbound("*").split("*")
_OUTBOUND: Final = topics.outbound("*").split("*")
_EVERY_SERVICE: Final = "every service"
_USER: Final = "User:"


def show_topics(data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """Show each topic: its single writer, its events, its partitions and records."""
    found = asyncio.run(everything(connections.kafka(data)))
    show(document(found), lines(found), as_json=as_json)


@dataclass(frozen=True)
class Partition:
    """Offsets of a partition; `end` is that of the next record."""

    number: int
    first: int
    end: int


@dataclass(frozen=True)
class Listed:
    """One topic.

    Attributes:
        name: without the prefix of its system.
        partitions: empty if the topic does not exist.
        may_write: the users with the right to write; None if Kafka does not answer it.
    """

    name: str
    partitions: Sequence[Partition]
    may_write: Sequence[str] | None

    @property
    def writer(self) -> str:
        if answers_to(self.name):
            return topics.WRITERS[topics.REQUESTS]
        return topics.WRITERS.get(self.name) or integrator(self.name) or _EVERY_SERVICE

    @property
    def events(self) -> list[str]:
        """The types that may be published there."""
        if self.name in topics.EVENTS:
            return [type_of(model) for model in topics.EVENTS[self.name]]
        if answers_to(self.name):
            return [type_of(model) for model in topics.ANSWERS]
        return [type_of(RequestSubmitted)] if integrator(self.name) else []

    @property
    def records(self) -> int:
        """An estimate from the offsets."""
        return sum(partition.end - partition.first for partition in self.partitions)

    @property
    def strangers(self) -> list[str]:
        """Who may write in addition to the topic's writer."""
        if self.writer == _EVERY_SERVICE:
            return []
        return [user for user in self.may_write or () if user != self.writer]

    @property
    def locked_out(self) -> bool:
        """Whether its own writer may not write."""
        if self.may_write is None:
            return False
        writers = topics.WRITERS.values() if self.writer == _EVERY_SERVICE else [self.writer]
        return not set(writers) <= set(self.may_write)


def integrator(topic: str) -> str | None:
    """The outside system that publishes to this topic."""
    return _named(topic, *_INBOUND)


def answers_to(topic: str) -> str | None:
    """The outside system that this topic answers."""
    return _named(topic, *_OUTBOUND)


def _named(topic: str, before: str, after: str) -> str | None:
    if not (topic.startswith(before) and topic.endswith(after)):
        return None
    return topic.removeprefix(before).removesuffix(after) or None


def ours(present: Iterable[str]) -> list[str]:
    """Our topics, and those of integrators that exist."""
    outside = sorted(name for name in present if integrator(name) or answers_to(name))
    return [*topics.WRITERS, *outside, topics.DEAD_LETTERS]


def writers(rights: Collection[Right], topic: str) -> list[str]:
    """Who may write to `topic` by these rights. Super users need none and are not included."""
    about = [right for right in rights if _writes_to(right, topic)]
    denied = {right.principal for right in about if right.permission == Permission.DENY}
    allowed = {right.principal for right in about if right.permission == Permission.ALLOW}
    return sorted(user.removeprefix(_USER) for user in allowed - denied)


def _writes_to(right: Right, topic: str) -> bool:
    if right.resource != Resource.TOPIC or right.operation not in (
        Operation.WRITE,
        EVERY_OPERATION,
    ):
        return False
    if right.pattern == Pattern.PREFIXED:
        return topic.startswith(right.name)
    return right.name in (topic, "*")


def document(found: Sequence[Listed]) -> Mapping[str, Any]:
    """JSON."""
    return {"items": [_item(each) for each in found]}


def _item(each: Listed) -> Mapping[str, Any]:
    return {
        "topic": each.name,
        "writer": each.writer,
        "may_write": each.may_write,
        "events": each.events,
        "partitions": [
            {"partition": one.number, "first_offset": one.first, "end_offset": one.end}
            for one in each.partitions
        ],
        "records": each.records,
    }


def lines(found: Sequence[Listed]) -> list[str]:
    """Text."""
    return [line for each in found for line in _lines(each)]


def _lines(each: Listed) -> Iterable[str]:
    yield f"{each.name}  written by {each.writer}"
    if each.partitions:
        ends = ", ".join(str(one.end) for one in each.partitions)
        amount = counted(len(each.partitions), "partition")
        yield f"    {counted(each.records, 'record')} in {amount} (end offsets {ends})"
    else:
        yield "    IS NOT THERE"
    if each.locked_out:
        yield "    ITS WRITER MAY NOT WRITE"
    if each.strangers:
        yield f"    OTHERS MAY WRITE: {', '.join(each.strangers)}"
    if each.events:
        yield f"    {', '.join(each.events)}"


async def everything(address: KafkaAddress) -> list[Listed]:
    """Each of our topics, in the procedure's order.

    Raises:
        NotRunning: Kafka cannot be reached, or refuses.
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
    """None if Kafka has no ACLs, or does not show them to this user."""
    try:
        return await in_force(address.options)
    except KafkaError:
        return None
