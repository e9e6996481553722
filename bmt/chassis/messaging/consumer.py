"""Consuming Kafka: whole poll batches. An offset is committed only after its results are durable."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from heapq import merge
from typing import Any, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, Unavailable
from bmt.chassis.messaging import kafka_client
from bmt.chassis.messaging.dispatch import Dispatcher
from bmt.chassis.messaging.fetched import Polled, PolledBatch, Unread, after
from bmt.chassis.messaging.parking import Record
from bmt.chassis.messaging.positions import CountMissed, Placement, Positions
from bmt.chassis.messaging.subscriptions import DeadLetter
from bmt.chassis.readmodels.views import LAG_SECONDS
from bmt.chassis.runtime import background
from bmt.chassis.runtime.background import backoff

BATCH: Final = 500
WAIT_MS: Final = 500


log = structlog.get_logger(__name__)

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
