"""The integrator of a run: it publishes submissions and poison records until the broker has them."""

import asyncio
import base64
import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from prove.bounded import bounded
from prove.client_log import PUBLISHED, Action, Call, Log, now
from prove.workload import GIGABYTE, Poison

NAME: Final = "hrmis"
TOPIC: Final = f"bmt.inbound.{NAME}.v1"
SECONDS_BETWEEN_TRIES: Final = 1.0
REQUEST_TIMEOUT_MS: Final = 8_000
LONGEST_SEND_SECONDS: Final = 30.0
Headers = Mapping[str, str]


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
        """Publishes one request so many times; returns its reference."""
        reference = f"HR/{uuid.uuid4()}"
        value = json.dumps({**requested, "source_reference": reference}).encode()
        event = _headers()
        for _ in range(times):
            await self._publish(story, "submit_event", event["ce_id"], event, value)
        return reference

    async def poison(self, poison: Poison) -> None:
        headers, value = _sick(poison)
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
        asked = Call(now(), story, action, key, NAME, None, sent)
        raw = [(name, text.encode()) for name, text in headers.items()]
        while True:
            self._log.append(replace(asked, at=now()))
            try:
                producer = await self._ready_producer()
                sending = producer.send_and_wait(TOPIC, value, key=key.encode(), headers=raw)
                place = await bounded(sending, LONGEST_SEND_SECONDS)
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(SECONDS_BETWEEN_TRIES)
                continue
            answer = {"topic": place.topic, "partition": place.partition, "offset": place.offset}
            self._log.append(replace(asked, at=now(), status=PUBLISHED, answer=answer))
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


def _sick(poison: Poison) -> tuple[Headers, bytes | None]:
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
    sick: dict[str, tuple[Headers, bytes | None]] = {
        "no_json": (_headers(), b'{"kind": "application", ' + mark),
        "no_value": (_headers(), None),
        "no_headers": ({}, good),
        "unknown_type": (_headers(ce_type="my.gov.bmt.Unheard.v1"), good),
        "no_text": (_headers(), b"\xff\xfe\x00" + mark),
        "other_agency": (_headers(), _with(body, agency="JPA")),
        "missing_field": (_headers(), _with(body, applicant={"name": poison.name})),
        "unknown_field": (_headers(), _with(body, unheard=poison.name)),
    }
    return sick[poison.ailment]


def _with(body: Mapping[str, Any], **changes: Any) -> bytes:
    return json.dumps({**body, **changes}).encode()
