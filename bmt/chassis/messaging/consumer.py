"""Consuming Kafka: whole poll batches. An offset is committed only after its results are durable.

A consumer starts from what its service's own store has handled, not from the offsets in Kafka: these are ahead if
MongoDB was restored from an older copy. A publisher compares with the end of its topic: if the topic ends earlier, Kafka
lost something that it had acknowledged (`republishing`).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, Unavailable
from bmt.chassis.messaging import kafka_client
from bmt.chassis.messaging.dispatch import Dispatcher
from bmt.chassis.messaging.kafka_client import Polled, PolledBatch, Unread, after
from bmt.chassis.messaging.parking import DeadLetter, Record
from bmt.chassis.readmodels.views import LAG_SECONDS
from bmt.chassis.runtime import background, mongodb
from bmt.chassis.runtime.background import backoff

log = structlog.get_logger(__name__)

POSITIONS: Final = "positions"
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


ASSIGNMENT: Final = (RangePartitionAssignor,)
"""One process gets the same partitions of every topic. So all events of a request come to it, and no two processes write one
stream. With a second way for members of an earlier version, aiokafka 0.14 joins the group again without end.
"""
BATCH: Final = 500
WAIT_MS: Final = 500


LONGEST_BACKOFF_SECONDS: Final = 2.0
RETRY_PARKED_EVERY_SECONDS: Final = 1.0
BUSY_RECORDS: Final = 8
LONGEST_LINGER_SECONDS: Final = 0.25
"""After a poll of `BUSY_RECORDS` the next one waits as long as they took, up to this, so that more records are
handled together."""
NO_MORE_MS: Final = 50
"""How long a poll waits while views are pending. If nothing comes, the load is over."""


class Consumer:
    """One member of a service's consumer group."""

    def __init__(
        self,
        *,
        topics: Sequence[str],
        group: str,
        client_options: Mapping[str, Any],
        dispatcher: Dispatcher,
        positions: Positions,
        missed: CountMissed,
    ) -> None:
        self._topics = topics
        self._group = group
        self._options = dict(client_options)
        self._dispatcher = dispatcher
        self._positions = positions
        self._missed = missed
        self._doubted: dict[TopicPartition, int] = {}
        # Where the unfinished records begin, and the offsets to commit once they are finished.
        self._in_hand: dict[TopicPartition, int] = {}
        self._reached: dict[TopicPartition, int] = {}
        self._client: AIOKafkaConsumer | None = None
        self._failures = 0
        self._done_at = time.monotonic()

    async def run(self) -> None:
        while True:
            try:
                await self._consume()
            except (Unavailable, KafkaError, OSError, TimeoutError) as error:
                self._failures += 1
                error_name = type(error).__name__
                log.warning("consumer_waits", error=error_name, failures=self._failures)
                await asyncio.sleep(_backoff(self._failures))

    async def retry_parked(self) -> None:
        while True:
            try:
                while await self._dispatcher.retry_one():
                    pass
            except Unavailable as error:
                log.warning("parking_waits", part=error.part)
            await asyncio.sleep(RETRY_PARKED_EVERY_SECONDS)

    async def reachable(self) -> None:
        """Return if this member consumes its topics.

        Raises:
            BrokerUnavailable: it has no partition assigned yet, lost the broker, or fails at what it fetches.
        """
        if self._failures or self._client is None or not self._client.subscription():
            raise BrokerUnavailable

    def stalled_seconds(self) -> float:
        """How long ago this member last finished everything it had fetched."""
        return time.monotonic() - self._done_at

    async def lag(self) -> dict[TopicPartition, int]:
        """The number of unfinished records of each of this member's partitions. Raises as `reachable`."""
        if (client := self._client) is None:
            raise BrokerUnavailable
        return {place: await self._behind(client, place) for place in client.assignment()}

    async def _behind(self, client: AIOKafkaConsumer, place: TopicPartition) -> int:
        reached = self._in_hand.get(place)
        if reached is None:
            reached = await client.position(place)
        return max(0, int(client.highwater(place) or reached) - reached)

    async def _consume(self) -> None:
        client = AIOKafkaConsumer(
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
            max_poll_interval_ms=600_000,
            metadata_max_age_ms=30_000,
            partition_assignment_strategy=ASSIGNMENT,
            **self._options,
        )
        placement = Placement(client, self._positions, self._missed)
        client.subscribe(self._topics, listener=placement)
        self._reached = {}
        finished_at = time.monotonic()
        try:
            await client.start()
            self._client = client
            while True:
                wait_ms = NO_MORE_MS if self._reached else WAIT_MS
                polled = placement.unhandled(await self._poll(client, wait_ms))
                began = time.monotonic()
                self._failures = 0
                records = sum(map(len, polled.values()))
                busy = records >= BUSY_RECORDS
                if polled:
                    await self._handle(polled)
                else:
                    kafka_client.require_fetching(client)
                if not busy or time.monotonic() - finished_at >= LAG_SECONDS:
                    await self._finish(client)
                    await placement.note_handled()
                    self._in_hand = {}
                    finished_at = time.monotonic()
                self._done_at = time.monotonic()
                if busy and records < BATCH:  # after a full poll more is waiting
                    await asyncio.sleep(min(LONGEST_LINGER_SECONDS, time.monotonic() - began))
        finally:
            self._client = None
            self._in_hand = {}
            with suppress(Unavailable):
                await background.whole(placement.save())
            await kafka_client.stop(client)

    async def _poll(self, client: AIOKafkaConsumer, wait_ms: int) -> PolledBatch:
        fetched = await client.getmany(timeout_ms=wait_ms, max_records=BATCH)
        polled = {
            place: self._believed(client, place, records) for place, records in fetched.items()
        }
        return {place: records for place, records in polled.items() if records}

    def _believed(
        self, client: AIOKafkaConsumer, place: TopicPartition, records: Sequence[Polled]
    ) -> Sequence[Polled]:
        """The records before the first that cannot be decoded, unless that one was fetched twice.

        Its bytes may have been damaged on their way here, and then are right the second time.
        """
        for number, record in enumerate(records):
            if isinstance(record, Unread) and self._doubted.get(place) != record.offset:
                self._doubted[place] = record.offset
                client.seek(place, record.offset)
                return records[:number]
        return records

    async def _handle(self, polled: PolledBatch) -> None:
        for place, raws in polled.items():
            self._in_hand.setdefault(place, raws[0].offset)
            self._reached[place] = after(raws[-1])
        records = in_time(polled)
        crash_points.reached("consumer.polled")
        await _until_there(lambda: self._dispatcher.handle(records))
        crash_points.reached("consumer.handled")

    async def _finish(self, client: AIOKafkaConsumer) -> None:
        """Commit the offsets once the views hold everything that was handled."""
        if reached := self._reached:
            await _until_there(self._dispatcher.update_views)
            crash_points.reached("consumer.told")
            self._reached = {}
            await self._commit(client, reached)

    async def _commit(
        self, client: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]
    ) -> None:
        try:
            await client.commit(dict(offsets))
            crash_points.reached("consumer.committed")
        except (IllegalStateError, KafkaError) as error:
            # A rebalance took the partition, or the broker is unreachable. Redelivered events are in the inbox.
            log.info("offsets_not_committed", error=type(error).__name__)


async def _until_there(step: Callable[[], Awaitable[None]]) -> None:
    failures = 0
    while True:
        try:
            await step()
        except Unavailable as error:
            failures += 1
            log.warning("batch_waits", part=error.part, failures=failures)
            await asyncio.sleep(_backoff(failures))
        else:
            return


def in_time(polled: PolledBatch) -> list[Record]:
    """Every record in the order of the broker's timestamps. Those of a partition keep their own order.

    After an outage, records of several topics are handled in the order in which they happened.
    """
    return [_record(raw) for raw in merge(*polled.values(), key=_dated)]


def _dated(raw: Polled) -> int:
    """A record that cannot be decoded has no date, and delays nothing behind it."""
    return 0 if isinstance(raw, Unread) else int(raw.timestamp)


def _record(raw: Polled) -> Record:
    if isinstance(raw, Unread):
        unread = DeadLetter(raw.reason, raw.detail)
        return Record(raw.topic, raw.partition, raw.offset, _place(raw), (), raw.raw, unread=unread)
    return Record(
        topic=raw.topic,
        partition=raw.partition,
        offset=raw.offset,
        key=raw.key.decode(errors="replace") if raw.key else _place(raw),
        headers=tuple([(name, value or b"") for name, value in raw.headers]),
        value=raw.value,
        raw_key=raw.key,
    )


def _place(raw: Polled) -> str:
    """A record without a key queues behind no other."""
    return f"{raw.topic}:{raw.partition}:{raw.offset}"


def _backoff(failures: int) -> float:
    return backoff(failures, first=0.05, longest=LONGEST_BACKOFF_SECONDS)
