"""How far each Kafka partition was read or written, as the service's own store remembers it.

A consumer starts from what its store has handled, not from the offsets in Kafka: these are ahead if MongoDB
was restored from an older copy. A publisher compares with the end of its topic: if the topic ends earlier,
Kafka lost something that it had acknowledged (`republishing`).
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
"""The document with the moment up to which `bmt prune` removed working copies."""
SAVED_EVERY_SECONDS: Final = 1.0
"""After a crash a consumer rereads this much at most. Its inbox recognises it."""

CountMissed = Callable[[str, int], None]
"""Counts records of a topic that were deleted before this service read them."""


@dataclass(frozen=True, slots=True)
class Handled:
    """The last handled record of a partition.

    `timestamp` (milliseconds, the record's own) distinguishes it from another record at the same offset of a
    recreated topic. It is None if the record could not be decoded.
    """

    offset: int
    timestamp: int | None


class Positions:
    """One document a topic and direction, in the service's own database."""

    def __init__(self, collection: mongodb.Collection) -> None:
        self._collection = collection

    async def consumed(self, topics: Collection[str]) -> Mapping[TopicPartition, Handled]:
        """The last record handled of each partition that had any."""
        return {
            TopicPartition(topic, int(partition)): Handled(**handled)
            for topic, partitions in (await self._load("consumed", topics)).items()
            for partition, handled in partitions.items()
        }

    async def save_consumed(self, handled: Mapping[TopicPartition, Handled]) -> None:
        """Save these, even if an offset is lower than before."""
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
        """Save acknowledged offsets. Another process may have saved higher ones, which stay."""
        await self._update("published", "$max", offsets)

    async def reset_published(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Save where the topics end now, even if that is lower than before."""
        await self._update("published", "$set", offsets)

    async def pruned_before(self) -> datetime | None:
        """Working copies of requests filed before this moment (UTC) may be gone."""
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
    """Seeks one consumer's client to where its store stands, and remembers how far it comes.

    The client goes on polling during a seek, from the offsets in Kafka. Those records are dropped, and fetched
    again from where the store stands.
    """

    def __init__(
        self,
        client: AIOKafkaConsumer,
        positions: Positions,
        missed: CountMissed,
    ) -> None:
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
        """Save what was handled, for the next owner. What is in hand goes on."""
        self._placed = False
        with suppress(Unavailable):
            await self.save()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Seek to where the store stands. An error is kept: the library would only log it."""
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
            # Not saved yet. What is in hand is finished before anything else is handled.
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
                # The last handled record is read again, to verify that the topic is the same.
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
        """The records that are to be handled. Call `note_handled` when they were.

        Raises:
            Exception: seeking failed; begin again with a new client.
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
        """Everything from `unhandled` was handled durably. It is saved once a second."""
        self._handled.update(self._in_hand)
        self._in_hand = {}
        if time.monotonic() - self._saved_at >= SAVED_EVERY_SECONDS:
            await self.save()

    async def save(self) -> None:
        """Save what was handled since the last time. After `StoreUnavailable` the next call saves it."""
        if saved := dict(self._handled):
            await self._positions.save_consumed(saved)
            self._handled = {
                place: last for place, last in self._handled.items() if saved.get(place) != last
            }
        self._saved_at = time.monotonic()


def _last(records: Sequence[Polled]) -> Handled:
    last = records[-1]
    return Handled(after(last) - 1, None if isinstance(last, Unread) else last.timestamp)
