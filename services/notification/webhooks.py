"""Webhooks: events of an agency's requests for systems that do not read Kafka, as signed CloudEvents over HTTP.

Each event makes an item of work for each webhook that asks for it, which holds the whole event. The items of consumed events are
durable before Kafka's offset is committed, those of notification's own events before the commit's outbox mark goes; so an
event is delivered at least once, and receivers recognise it by its id. Each webhook has a worker of its own, and delays nobody.
What a receiver refuses, or does not take for days, waits among the parked events for an operator.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

import httpx
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError

from bmt.agencies.agency import Webhook
from bmt.agencies.register import Agencies
from bmt.chassis import crash_points
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.messaging.dispatch import Handler
from bmt.chassis.messaging.parking import Parked, ParkingLot, Record
from bmt.chassis.runtime import settings as reading
from bmt.chassis.runtime.background import backoff
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.observability import Sampler
from bmt.chassis.work import Done, Later, WorkItem, WorkOutcome, WorkQueue
from bmt.contracts import webhooks
from bmt.contracts.envelope import STRUCTURED, structured
from bmt.contracts.events import RequestEvent
from services.notification.settings import Settings

AT_ONCE: Final = 4
"""Calls of one webhook at the same time."""
TIMEOUT_SECONDS: Final = 10.0
FIRST_BACKOFF_SECONDS: Final = 2.0
LONGEST_BACKOFF_SECONDS: Final = 3600.0
LONGEST_RETRY_AFTER_SECONDS: Final = 86_400.0
TRIES: Final = 150
"""With these waits, about three days."""
_TOPIC: Final = "webhook."
_RETRIED: Final = frozenset({408, 425, 429})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receiver:
    """One webhook of one agency, and the keys that sign for it, the newest first.

    `target` names its worker, its metrics, and the place of what is parked.
    """

    agency: str
    webhook: Webhook
    keys: tuple[bytes, ...]

    @property
    def target(self) -> str:
        return f"{_TOPIC}{self.agency}.{self.webhook.name}"


_SECRETS: Final = TypeAdapter(
    dict[
        str,
        Annotated[
            tuple[Annotated[str, AfterValidator(webhooks.key_of)], ...],
            Field(min_length=1, max_length=2),
        ],
    ]
)


def receivers(agencies: Agencies, settings: Settings) -> list[Receiver]:
    """All webhooks of the agencies' file.

    Raises:
        WrongConfiguration: a secret is missing or wrong, or an address is not https. No secret is repeated.
    """
    keys = _keys(settings)
    found = []
    for agency in agencies:
        for webhook in agency.rules.webhooks:
            where = f"{agency.code}.webhooks.{webhook.name}"
            if webhook.secret not in keys:
                known = ", ".join(sorted(keys)) or "none"
                raise WrongConfiguration(
                    f"BMT_WEBHOOK_SECRETS lacks {webhook.secret}, which BMT_AGENCIES_FILE names in {where}.secret; it has {known}"
                )
            if not (webhook.url.startswith("https://") or _stays_here(webhook.url, settings)):
                raise WrongConfiguration(
                    f"BMT_AGENCIES_FILE is wrong: {where}.url: https:// it must be; http:// only to this machine, with BMT_ALLOW_HTTP=true"
                )
            found.append(Receiver(agency.code, webhook, keys[webhook.secret]))
    return found


def _stays_here(url: str, settings: Settings) -> bool:
    return settings.allow_http and urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _keys(settings: Settings) -> Mapping[str, tuple[bytes, ...]]:
    text = settings.webhook_secrets.get_secret_value() if settings.webhook_secrets else "{}"
    try:
        return _SECRETS.validate_python(reading.read_yaml(text) or {})  # type: ignore[return-value]
    except reading.NotYaml as error:
        raise WrongConfiguration(
            f"BMT_WEBHOOK_SECRETS is wrong: line {error.line}: it is not YAML"
        ) from None
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        faults_text = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults
        )
        raise WrongConfiguration(f"BMT_WEBHOOK_SECRETS is wrong: {faults_text}") from None


def work_of(
    receiving: Sequence[Receiver],
) -> Callable[[IncomingEvent[BaseModel]], Sequence[WorkItem]]:
    """The deliveries that an event makes due: one for each webhook of its agency that asks for its type."""

    def due(incoming: IncomingEvent[BaseModel]) -> list[WorkItem]:
        event = incoming.data
        if not isinstance(event, RequestEvent):
            return []
        parked, _, tried = incoming.topic.rpartition(".")
        retried = is_delivery(incoming.topic)
        # What an operator retries is for one receiver alone, and can be parked beside what it was.
        number = int(tried) + 1 if retried else 0
        wanted = [
            one.target
            for one in receiving
            if one.agency == event.request.agency
            and incoming.envelope.type in one.webhook.events
            and (not retried or one.target == parked)
        ]
        if not wanted:
            return []
        body = structured(incoming.envelope.kafka_headers(), incoming.envelope.data)
        return [
            WorkItem(
                id=f"{target}.{number}:{incoming.id}",
                target=target,
                subject=event.request.request_id,
                due_at=incoming.time,
                payload=body,
            )
            for target in wanted
        ]

    return due


def is_delivery(topic: str) -> bool:
    """Whether an event comes from the parking lot, where a delivery has `<target>.<retries>` in its topic's place."""
    return topic.startswith(_TOPIC)


def without_deliveries(
    handlers: Mapping[type[BaseModel], Handler],
) -> dict[type[BaseModel], Handler]:
    """The handlers, which take no delivery that an operator retries: they had its event before."""

    def of_topics(handler: Handler) -> Handler:
        async def handle(incoming: IncomingEvent[BaseModel]) -> object:
            return None if is_delivery(incoming.topic) else await handler(incoming)

        return handle  # type: ignore[return-value]

    return {event: of_topics(handler) for event, handler in handlers.items()}


class Deliveries:
    """Calls the receivers. Neither logs nor metrics hold an address, a secret or an answer."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        lot: ParkingLot,
        registry: CollectorRegistry,
        clock: Clock,
    ) -> None:
        self._client = client
        self._lot = lot
        self._clock = clock
        self._calls = Counter(
            "bmt_webhook_deliveries",
            "Calls of webhooks, by what became of them.",
            ["webhook", "outcome"],
            registry=registry,
        )
        self._waiting = Gauge(
            "bmt_webhook_waiting", "Events to deliver.", ["webhook"], registry=registry
        )

    async def deliver(self, receiver: Receiver, item: WorkItem) -> WorkOutcome:
        """Call once. Afterwards the work is over: delivered, or parked; or it is tried again."""
        asked_for = 0.0
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status, retry_after = await self._post(receiver, item)
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            problem, final = type(error).__name__, False
        else:
            if 200 <= status < 300:  # noqa: PLR2004
                return self._over(receiver, "delivered")
            problem, final = f"answered {status}", status < 500 and status not in _RETRIED  # noqa: PLR2004
            asked_for = self._seconds(retry_after)
        if final or item.attempts >= TRIES:
            await self._lot.park([self._parked(item, problem)])
            crash_points.reached("notification.webhooks.parked")
            log.warning(
                "webhook_parked", webhook=receiver.target, request_id=item.subject, problem=problem
            )
            return self._over(receiver, "parked")
        self._over(receiver, "retried")
        wait = backoff(
            item.attempts, first=FIRST_BACKOFF_SECONDS, longest=LONGEST_BACKOFF_SECONDS, least=1.0
        )
        return Later(max(wait, asked_for), problem)

    async def _post(self, receiver: Receiver, item: WorkItem) -> tuple[int, str]:
        """The status and Retry-After of the answer. Its body is not read, and no redirect is followed."""
        body, at = item.payload or b"", int(self._clock().timestamp())
        event_id = item.id.partition(":")[2]
        signatures = [webhooks.signature(key, event_id, at, body) for key in receiver.keys]
        headers = {
            "content-type": f"{STRUCTURED}; charset=utf-8",
            "user-agent": "bmt",
            webhooks.ID: event_id,
            webhooks.TIMESTAMP: str(at),
            webhooks.SIGNATURE: " ".join(signatures),
        }
        url = receiver.webhook.url
        async with self._client.stream("POST", url, content=body, headers=headers) as answer:
            crash_points.reached("notification.webhooks.posted")
            return answer.status_code, answer.headers.get("retry-after", "")

    def _seconds(self, retry_after: str) -> float:
        """The wait that a receiver asks for (RFC 9110, 10.2.3), within a day; 0: none that can be read."""
        try:
            seconds = (
                float(retry_after)
                if retry_after.isascii() and retry_after.isdigit()
                else (parsedate_to_datetime(retry_after) - self._clock()).total_seconds()
            )
        except (ValueError, TypeError, OverflowError):
            return 0.0
        return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)

    def _parked(self, item: WorkItem, problem: str) -> Parked:
        """The delivery as a record with a key of its own, so that nothing queues behind it."""
        topic, _, event_id = item.id.partition(":")
        digest = hashlib.sha256(event_id.encode()).digest()
        record = Record(
            topic=topic,
            partition=0,
            offset=int.from_bytes(digest[:6], "big"),
            key=item.id,
            headers=(("content-type", STRUCTURED.encode()),),
            value=item.payload,
            raw_key=item.subject.encode(),
        )
        return Parked(record, f"webhook {problem}", item.attempts, None, self._clock())

    def _over(self, receiver: Receiver, outcome: str) -> Done:
        self._calls.labels(receiver.target.removeprefix(_TOPIC), outcome).inc()
        return Done()

    def measuring(self, receiving: Sequence[Receiver], queue: WorkQueue) -> Sampler:
        """Sets `bmt_webhook_waiting` before it is read."""

        async def sample() -> None:
            for one in receiving:
                waiting = await queue.count(one.target)
                self._waiting.labels(one.target.removeprefix(_TOPIC)).set(waiting)

        return sample
