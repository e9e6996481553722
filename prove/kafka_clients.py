"""The integrator of a run, and the observer that wakes the stories that wait for an event."""

import asyncio
import base64
import json
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from bmt.chassis.messaging.kafka_client import bounded
from bmt.contracts import topics
from prove.books import EVENT_TOPICS, Published, event_of
from prove.evidence import PUBLISHED, Action, Call, Log, Record, now
from prove.workload import GIGABYTE, Poison

NAME: Final = "hrmis"
TOPIC: Final = f"bmt.inbound.{NAME}.v1"
SECONDS_BETWEEN_TRIES: Final = 1.0
REQUEST_TIMEOUT_MS: Final = 8_000
LONGEST_SEND_SECONDS: Final = 30.0
Headers = Mapping[str, str]
T = TypeVar("T")


class Integrator:
    """Writes to its inbound topic; each attempt is logged before and after."""

    def __init__(self, options: Mapping[str, Any], log: Log) -> None:
        """`options` are those of its Kafka client."""
        self._options = options
        self._log = log
        self._producer: AIOKafkaProducer | None = None
        self._making = asyncio.Lock()
        self._published: list[tuple[str, Action, str, Headers, bytes | None]] = []

    async def submit(self, story: str, requested: Mapping[str, Any], *, times: int) -> str:
        """Publishes one request `times` times; returns its reference."""
        reference = f"HR/{uuid.uuid4()}"
        value = json.dumps({**requested, "source_reference": reference}).encode()
        event = _headers()
        for _ in range(times):
            await self._publish(story, "submit_event", event["ce_id"], event, value)
        return reference

    async def poison(self, poison: Poison) -> None:
        headers, value = _malformed(poison)
        await self._publish(poison.name, "poison", str(uuid.uuid4()), headers, value)

    async def publish_again(self) -> None:
        """Publishes everything again: a lost topic may have lost what nobody had read."""
        published, self._published = self._published, []
        for each in published:
            await self._publish(*each)

    async def close(self) -> None:
        if self._producer is not None:
            with suppress(TimeoutError, KafkaError):
                await bounded(self._producer.stop(), LONGEST_SEND_SECONDS)

    async def _publish(
        self, story: str, action: Action, key: str, headers: Headers, value: bytes | None
    ) -> None:
        self._published.append((story, action, key, headers, value))
        encoded = None if value is None else base64.b64encode(value).decode()
        sent = {"topic": TOPIC, "headers": dict(headers), "value": encoded}
        unanswered = Call(now(), story, action, key, NAME, None, sent)
        raw = [(name, text.encode()) for name, text in headers.items()]
        while True:
            self._log.append(replace(unanswered, at=now()))
            try:
                producer = await self._ready_producer()
                sending = producer.send_and_wait(TOPIC, value, key=key.encode(), headers=raw)
                place = await bounded(sending, LONGEST_SEND_SECONDS)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
                continue
            answer = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
            self._log.append(replace(unanswered, at=now(), status=PUBLISHED, answer=answer))
            return

    async def _ready_producer(self) -> AIOKafkaProducer:
        async with self._making:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._options, acks="all", request_timeout_ms=REQUEST_TIMEOUT_MS
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer


def _headers(**changes: str) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_source": f"/{NAME}",
        "ce_type": "my.gov.bmt.RequestSubmitted.v1",
        "content-type": "application/json",
        **changes,
    }


def _malformed(poison: Poison) -> tuple[Headers, bytes | None]:
    """A submission with this defect; no two have the same value."""
    account = f"{poison.name}@mygovuc.gov.my"
    body: dict[str, Any] = {
        "kind": "application",
        "agency": "MAMPU",
        "applicant": {"account": account, "name": poison.name, "email": account},
        "justification": poison.name,
        "quota_bytes": GIGABYTE,
        "source_reference": poison.name,
    }
    good, mark = json.dumps(body).encode(), poison.name.encode()
    malformed: dict[str, tuple[Headers, bytes | None]] = {
        "no_json": (_headers(), b'{"kind": "application", ' + mark),
        "no_value": (_headers(), None),
        "no_headers": ({}, good),
        "unknown_type": (_headers(ce_type="my.gov.bmt.Unheard.v1"), good),
        "no_text": (_headers(), b"\xff\xfe\x00" + mark),
        "other_agency": (_headers(), _with(body, agency="JPA")),
        "missing_field": (_headers(), _with(body, applicant={"name": poison.name})),
        "unknown_field": (_headers(), _with(body, unheard=poison.name)),
    }
    return malformed[poison.defect]


def _with(body: Mapping[str, Any], **changes: Any) -> bytes:
    return json.dumps({**body, **changes}).encode()


SECONDS_A_POLL: Final = 0.25
SILENCE_SECONDS: Final = 6.0
"""The connection is renewed after such a silence."""
STOP_SECONDS: Final = 3.0
log = structlog.get_logger()


class EventListener:
    """Consumes every event topic from its beginning; each event counts once."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """`options` are those of a Kafka client that may read the topics."""
        self._options = options
        self._offsets: dict[TopicPartition, int] = {}
        self._ids: set[str] = set()
        self._by_request: dict[str, list[Published]] = defaultdict(list)
        self._by_reference: dict[str, str] = {}
        self._news = asyncio.Condition()
        self._begun = 0
        self.last_received = time.monotonic()

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

    def events_of(self, request_id: str) -> Sequence[Published]:
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

    async def until_published(self, request_id: str, *names: str, times: int = 1) -> Published:
        """Wait until one of these events was published `times` times for the request."""

        def look() -> Published | None:
            found = [each for each in self.events_of(request_id) if each.name in names]
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
            received_at, begun = time.monotonic(), self._begun
            while begun == self._begun and time.monotonic() - received_at < SILENCE_SECONDS:
                poll = consumer.getmany(timeout_ms=int(SECONDS_A_POLL * 1000))
                batch = await bounded(poll, SILENCE_SECONDS)
                if batch and begun == self._begun:
                    received_at = time.monotonic()
                    await self._take_in(batch)
        finally:
            with suppress(TimeoutError, KafkaError):
                await bounded(consumer.stop(), STOP_SECONDS)

    async def _take_in(self, batch: Mapping[TopicPartition, Sequence[Any]]) -> None:
        for place, raws in batch.items():
            for raw in raws:
                self._offsets[place] = raw.offset + 1
                event = event_of(Record.of(raw))
                if event is not None and event.id not in self._ids:
                    self._ids.add(event.id)
                    self._remember(event)
        self.last_received = time.monotonic()
        async with self._news:
            self._news.notify_all()

    def _remember(self, event: Published) -> None:
        self._by_request[event.request_id].append(event)
        reference = event.data.get("source_reference")
        if event.record.topic == topics.REQUESTS and reference:
            self._by_reference[str(reference)] = event.request_id
