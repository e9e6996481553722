"""Consumed = applied + duplicate + parked + dead: what Kafka counts against what the services count."""

from collections import Counter
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.consumer import AIOKafkaConsumer
from eventually import eventually
from site_under_faults import Site

from bmt.chassis.messaging.consumer import POSITIONS, Positions
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.rights.kafka_rights import table
from evaluation.services import SERVICES

ENDS = ("applied", "duplicate", "parked", "dead")


@dataclass(frozen=True)
class Ledger:
    """Each service's records consumed (offsets committed) and events handled, by outcome, so far."""

    consumed: Counter[str]
    handled: dict[str, Counter[str]]

    def since(self, earlier: "Ledger") -> "Ledger":
        consumed = Counter({one: self.consumed[one] - earlier.consumed[one] for one in SERVICES})
        handled = {
            one: Counter({end: self.handled[one][end] - earlier.handled[one][end] for end in ENDS})
            for one in SERVICES
        }
        return Ledger(consumed, handled)

    def unaccounted(self) -> dict[str, tuple[int, Counter[str]]]:
        """The services that do not say of each record what became of it: what was consumed, what was said."""
        return {
            one: (self.consumed[one], self.handled[one])
            for one in SERVICES
            if self.consumed[one] != self.handled[one].total()
        }


async def at_rest(site: Site, seconds: float = 180) -> Ledger:
    """What is on the books once every service has consumed all that there is."""

    async def nothing_is_left() -> Ledger:
        ends = await _ends(site)
        consumed: Counter[str] = Counter()
        for service in SERVICES:
            done = await administrator.list_consumer_group_offsets(f"bmt.{service}")
            consumes = set(rules[service].reads) - {topics.DEAD_LETTERS}  # these it only looks up
            places = [place for place in ends if place.topic in consumes]
            left = [p for p in places if ends[p] and (p not in done or done[p].offset < ends[p])]
            assert not left, (service, left)
            # A service that was started again reads what its store does not know of once more.
            known = await Positions(mongodb[f"bmt_{service}"][POSITIONS]).consumed(
                {place.topic for place in places}
            )
            again = [
                p for p in places if ends[p] and (p not in known or known[p].offset + 1 < ends[p])
            ]
            assert not again, (service, again)
            consumed[service] = sum(ends[place] for place in places)
        handled = {one: await site.outcomes(one) for one in SERVICES}
        assert await _ends(site) == ends, "more was said meanwhile"
        return Ledger(consumed, handled)

    rules = table().principals
    administrator = AIOKafkaAdminClient(**site.system.kafka.options())
    await administrator.start()
    mongodb = connect(site.system.mongodb.uri())
    try:
        return await eventually(nothing_is_left, seconds)
    finally:
        mongodb.close()
        await administrator.close()


async def _ends(site: Site) -> dict:
    async with AIOKafkaConsumer(**site.system.kafka.options()) as consumer:
        topics = [name for name in await consumer.topics() if name in table().topics]
        await consumer._client.set_topics(topics)
        places = [
            place
            for topic in topics
            for place in _places(topic, consumer.partitions_for_topic(topic))
        ]
        return dict(await consumer.end_offsets(places))


def _places(topic: str, partitions: set[int] | None) -> list:
    from aiokafka import TopicPartition

    return [TopicPartition(topic, partition) for partition in partitions or ()]
