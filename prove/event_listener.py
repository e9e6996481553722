"""Consumes the services' events as an observer, and wakes the stories that wait for them."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from bmt.contracts import topics
from prove.books import EVENT_TOPICS
from prove.bounded import bounded
from prove.evidence import Record
from prove.published import Said, said

T = TypeVar("T")

SECONDS_A_POLL: Final = 0.25
SILENCE_SECONDS: Final = 6.0
"""The connection is renewed after such a silence."""
STOP_SECONDS: Final = 3.0
REQUEST_TIMEOUT_MS: Final = 6_000
log = structlog.get_logger()


class EventListener:
    """Consumes every event topic from its beginning; each event counts once."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options` are those of a Kafka client that may read the topics."""
        self._options = options
        self._offsets: dict[TopicPartition, int] = {}
        self._ids: set[str] = set()
        self._by_request: dict[str, list[Said]] = defaultdict(list)
        self._by_reference: dict[str, str] = {}
        self._news = asyncio.Condition()
        self._begun = 0
        self.last_heard = time.monotonic()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["EventListener"]:
        task = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def begin_again(self) -> None:
        """The topics may be new ones."""
        self._begun += 1
        self._offsets.clear()

    def incoming(self, request_id: str) -> Sequence[Said]:
        """All events of a request so far."""
        return self._by_request.get(request_id, ())

    def request_of(self, reference: str) -> str | None:
        """The request of an integrator's submission, by its own reference."""
        return self._by_reference.get(reference)

    async def until(self, look: Callable[[], T | None]) -> T:
        """The first answer of `look` that is not None; it looks again after each event."""
        async with self._news:
            while True:
                found = look()
                if found is not None:
                    return found
                await self._news.wait()

    async def until_said(self, request_id: str, *names: str, times: int = 1) -> Said:
        """Until one of these events was published so many times for the request."""

        def look() -> Said | None:
            found = [each for each in self.incoming(request_id) if each.name in names]
            return found[times - 1] if len(found) >= times else None

        return await self.until(look)

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # without events the stories would wait for ever
                log.warning("ear_lost_connection", reason=repr(error), exc_info=True)
            await asyncio.sleep(SECONDS_A_POLL)

    async def _listen_once(self) -> None:
        consumer = AIOKafkaConsumer(
            *EVENT_TOPICS,
            **self._options,
            group_id=None,  # reads all partitions and commits nothing
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await bounded(consumer.start(), SILENCE_SECONDS)
            for place in consumer.assignment():
                consumer.seek(place, self._offsets.get(place, 0))
            heard_at, begun = time.monotonic(), self._begun
            while begun == self._begun and time.monotonic() - heard_at < SILENCE_SECONDS:
                poll = consumer.getmany(timeout_ms=int(SECONDS_A_POLL * 1000))
                batch = await bounded(poll, SILENCE_SECONDS)
                if batch and begun == self._begun:
                    heard_at = time.monotonic()
                    await self._take_in(batch)
        finally:
            with suppress(TimeoutError, KafkaError):
                await bounded(consumer.stop(), STOP_SECONDS)

    async def _take_in(self, batch: Mapping[TopicPartition, Sequence[Any]]) -> None:
        for place, raws in batch.items():
            for raw in raws:
                self._offsets[place] = raw.offset + 1
                event = said(_record(raw))
                if event is not None and event.id not in self._ids:
                    self._ids.add(event.id)
                    self._remember(event)
        self.last_heard = time.monotonic()
        async with self._news:
            self._news.notify_all()

    def _remember(self, event: Said) -> None:
        self._by_request[event.request_id].append(event)
        reference = event.data.get("source_reference")
        if event.record.topic == topics.REQUESTS and reference:
            self._by_reference[str(reference)] = event.request_id


def _record(raw: Any) -> Record:
    headers = tuple((name, bytes(value or b"")) for name, value in raw.headers)
    return Record(raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, headers, raw.value)
