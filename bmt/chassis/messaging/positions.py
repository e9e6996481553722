"""How far each Kafka partition had come, as the service's own store remembers it.

A consumer starts from what its store has handled, not from the offsets that Kafka keeps: where MongoDB was
restored from an older copy, those are ahead of it. A publisher compares with the end of its topic: where the
topic is behind, Kafka lost something that was acknowledged (`republishing`).
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from bmt.chassis.errors import Unavailable
from bmt.chassis.messaging.fetched import Polled, PolledBatch, Unread, after
from bmt.chassis.runtime import mongodb

log = structlog.get_logger(__name__)

COLLECTION: Final = "positions"
PRUNED: Final = "pruned"
"""The document in which `bmt prune` says up to when it removed working copies."""
SAVED_EVERY_SECONDS: Final = 1.0
"""A crash makes a consumer read so much again at most, which its inbox recognises."""

CountMissed = Callable[[str, int], None]
"""Counts records of a topic that were deleted before this service read them."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The last record of a partition that was handled.

    `timestamp` (milliseconds, as the record has it) tells it from another one at the same offset of a topic that
    was made anew; it is None where the record could not be read.
    """

    offset: int
    timestamp: int | None


class Positions:
    """One document a topic and direction, in the service's own database."""

    def __init__(self, collection: mongodb.Collection) -> None:
        """`collection` needs find, insert and update."""
        self._collection = collection

    async def consumed(self, topics: Collection[str]) -> Mapping[TopicPartition, Handled]:
        return {
            TopicPartition(topic, int(partition)): Handled(**handled)
            for topic, partitions in (await self._load("consumed", topics)).items()
            for partition, handled in partitions.items()
        }

    async def save_consumed(self, handled: Mapping[TopicPartition, Handled]) -> None:
        await self._update(
            "consumed",
            "$set",
            {
                place: {"offset": one.offset, "timestamp": one.timestamp}
                for place, one in handled.items()
            },
        )

    async def published(self, topics: Collection[str]) -> Mapping[TopicPartition, int]:
        """The highest offset acknowledged of each partition; -1 for one that was empty."""
        return {
            TopicPartition(topic, int(partition)): offset
            for topic, partitions in (await self._load("published", topics)).items()
            for partition, offset in partitions.items()
        }

    async def advance_published(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Remember what was acknowledged; another process may have come further."""
        await self._update("published", "$max", offsets)

    async def reset_published(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Remember where the topics stand now, though it be less than before."""
        await self._update("published", "$set", offsets)

    async def pruned_before(self) -> datetime | None:
        """Working copies of requests filed before this moment may be gone (UTC)."""
        with mongodb.store_errors():
            found = await self._collection.find_one({"_id": PRUNED})
        return found["before"] if found else None

    async def _load(self, kind: str, topics: Collection[str]) -> dict[str, Mapping[str, Any]]:
        names = {f"{kind}:{topic}": topic for topic in topics}
        with mongodb.store_errors():
            found = await self._collection.find({"_id": {"$in": list(names)}}).to_list(None)
        return {names[document["_id"]]: document["partitions"] for document in found}

    async def _update(
        self, kind: str, operator: str, values: Mapping[TopicPartition, object]
    ) -> None:
        by_topic: dict[str, dict[str, object]] = {}
        for place, value in values.items():
            by_topic.setdefault(place.topic, {})[f"partitions.{place.partition}"] = value
        if by_topic:
            with mongodb.store_errors():
                await self._collection.bulk_write(
                    [
                        mongodb.UpdateOne(
                            {"_id": f"{kind}:{topic}"}, {operator: partitions}, upsert=True
                        )
                        for topic, partitions in by_topic.items()
                    ],
                    ordered=False,
                )


class Placement(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Places one consumer's client where its store stands, and remembers how far it comes.

    The client polls on while it is being placed, from the offsets that Kafka keeps: what it fetches then is left
    out, and fetched again from where the store stands.
    """

    def __init__(
        self,
        client: AIOKafkaConsumer,
        positions: Positions,
        missed: CountMissed,
    ) -> None:
        """`missed` is called with the topic and number of records that were gone before they were read."""
        self._client = client
        self._positions = positions
        self._missed = missed
        self._placed = False
        self._expected: dict[TopicPartition, Handled] = {}
        self._in_hand: dict[TopicPartition, Handled] = {}
        self._handled: dict[TopicPartition, Handled] = {}
        self._saved_at = time.monotonic()
        self._failure: Exception | None = None

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Save what was handled, for the member that takes over; what is in hand goes on."""
        self._placed = False
        with suppress(Unavailable):
            await self.save()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Seek to what the store says. A failure is kept: the library would only log it."""
        self._expected = {}
        try:
            if assigned:
                await self._place(list(assigned))
        except Exception as error:  # noqa: BLE001  raised where records would be handled
            self._failure = error
        self._placed = True

    async def _place(self, assigned: Sequence[TopicPartition]) -> None:
        handled = dict(await self._positions.consumed({place.topic for place in assigned}))
        for place, known in (self._handled | self._in_hand).items():
            # The store does not know of these yet. What is in hand ends before anything else is handled.
            if place not in handled or handled[place].offset < known.offset:
                handled[place] = known
        begins = await self._client.beginning_offsets(assigned)
        ends = await self._client.end_offsets(assigned)
        for place in assigned:
            last = handled.get(place)
            if last is not None and last.offset >= ends[place]:
                log.warning("topic_is_shorter", topic=place.topic, partition=place.partition)
                last = None
            begin = begins[place]
            if last is None or begin > last.offset + 1:
                self._note_missed(place, begin - (last.offset + 1 if last else begin))
                self._client.seek(place, begin)
                self._handled[place] = Handled(begin - 1, None)
            elif last.timestamp is None or begin > last.offset:
                self._client.seek(place, last.offset + 1)
            else:
                # The record before is read once more: it tells whether this is still the same topic.
                self._client.seek(place, last.offset)
                self._expected[place] = last

    def _note_missed(self, place: TopicPartition, records: int) -> None:
        if records > 0:
            log.error(
                "records_gone_unread",
                topic=place.topic,
                partition=place.partition,
                records=records,
            )
            self._missed(place.topic, records)

    def unhandled(self, polled: PolledBatch) -> PolledBatch:
        """What of it is to be handled; `note_handled` says that it was.

        Raises:
            Exception: the partitions could not be placed; begin again with a new client.
        """
        if self._failure is not None:
            raise self._failure
        unhandled = self._without_expected(polled) if self._placed else {}
        self._in_hand |= {place: _last(records) for place, records in unhandled.items()}
        return unhandled

    def _without_expected(self, polled: PolledBatch) -> PolledBatch:
        found: dict[TopicPartition, Sequence[Polled]] = {}
        for place, records in polled.items():
            expected, first = self._expected.pop(place, None), records[0]
            if expected is None or isinstance(first, Unread) or first.offset != expected.offset:
                found[place] = records
            elif first.timestamp == expected.timestamp:
                if rest := records[1:]:
                    found[place] = rest
            else:
                log.warning("topic_made_anew", topic=place.topic, partition=place.partition)
                self._client.seek(place, 0)
        return found

    async def note_handled(self) -> None:
        """All that `unhandled` gave was handled, durably; saved once a second."""
        self._handled.update(self._in_hand)
        self._in_hand = {}
        if time.monotonic() - self._saved_at >= SAVED_EVERY_SECONDS:
            await self.save()

    async def save(self) -> None:
        """Save what was handled since the last time.

        Raises:
            StoreUnavailable: it is saved the next time.
        """
        if saved := dict(self._handled):
            await self._positions.save_consumed(saved)
            self._handled = {
                place: last for place, last in self._handled.items() if saved.get(place) != last
            }
        self._saved_at = time.monotonic()


def _last(records: Sequence[Polled]) -> Handled:
    last = records[-1]
    return Handled(after(last) - 1, None if isinstance(last, Unread) else last.timestamp)
