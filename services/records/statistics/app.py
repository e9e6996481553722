"""The Faust app: one table keyed by request, overwritten, and the figures that follow from it.

Offsets are never committed, so each start hears the topics from the beginning: whatever was lost with
the process or its changelog is told again. Several processes share the partitions, and each counts the
requests of its own: their sum is the whole. Nobody decides anything by these figures.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import faust
import structlog

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.settings import KafkaSettings
from bmt.chassis.vocabulary import Vocabulary
from bmt.contracts import topics
from bmt.contracts.envelope import read_kafka
from bmt.contracts.events import RequestEvent
from services.records.statistics.figures import Figures
from services.records.statistics.settings import Settings
from services.records.statistics.steps import Times, after

log = structlog.get_logger(__name__)

HEARD: Final = (*topics.PUBLIC, topics.RECORDS)
SESSION_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 2.0
PARTITION: Final = "partition"
"""Where a request's events lie, beside its times in the table."""

_EVENTS: Final = Vocabulary(model for topic in HEARD for model in topics.EVENTS[topic])


def statistics(settings: Settings, figures: Figures, ready: Callable[[], None]) -> faust.App:
    """The app; a Faust worker runs it.

    `ready` is called whenever the table stands as the changelog has it: at each start, and again when
    a broker came back.
    """
    brokers = settings.kafka_bootstrap_servers.split(",")
    app = faust.App(
        f"{settings.topic_prefix}bmt.{settings.service}",
        broker=[f"kafka://{broker.strip()}" for broker in brokers],
        broker_credentials=_credentials(settings),
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        consumer_auto_offset_reset="earliest",
        # A member that is known by name takes its own place at once when it is started again.
        consumer_group_instance_id=settings.instance,
        store="memory://",
        datadir=settings.statistics_folder,
        topic_replication_factor=settings.statistics_replication_factor,
        topic_disable_leader=True,
        web_enabled=False,
    )
    names = [settings.topic_prefix + topic for topic in HEARD]
    # Its keys lie where the topics' keys lie, so that a partition's past is with who hears that partition.
    partitions = settings.statistics_partitions
    table = app.Table(f"times-{partitions}", partitions=partitions)

    @table.on_recover
    async def recount() -> None:
        if fault := _not_alike(app, names, partitions):
            await app.crash(WrongConfiguration(fault))
            return
        figures.rebuild(_own(app, names, table))
        ready()

    heard = app.topic(
        *names,
        # As they come: what Faust itself cannot decode, it stops at.
        key_serializer="raw",
        value_serializer="raw",
        acks=False,
    )

    @app.agent(heard, name=f"{settings.service}.listen", concurrency=1)
    async def listen(stream: Any) -> None:
        async for event in stream.events():
            _tell(event.message, table, figures)

    return app


def _not_alike(app: faust.App, names: list[str], partitions: int) -> str | None:
    """What is wrong where a topic has other partitions than the table."""
    for name in names:
        found = app.consumer.topic_partitions(name)
        if found not in (None, partitions):
            return (
                f"BMT_STATISTICS_PARTITIONS is wrong: {partitions}, but {name} has {found} partitions;"
                " the topics that the statistics hear need equally many"
            )
    return None


def _own(app: faust.App, names: list[str], table: Any) -> Iterator[Times]:
    """What is known of the requests in this process' partitions; Faust keeps what it knew of others', too."""
    own = {place.partition for place in app.consumer.assignment() if place.topic in names}
    return (times for times in table.values() if times.get(PARTITION) in own)


def _tell(message: Any, table: Any, figures: Figures) -> None:
    """Take in one record. Never raises: Faust would acknowledge it all the same, and stop listening."""
    try:
        envelope = read_kafka(_headers(message.headers), message.value)
        event = _EVENTS.decode(envelope.type, envelope.data)
        if isinstance(event, RequestEvent):
            before = table.get(event.request.request_id)
            now = {**after(before, event, envelope.time), PARTITION: message.partition}
            if now != before:
                table[event.request.request_id] = now
                figures.replace(before, now)
    except Exception as error:  # noqa: BLE001  what cannot be read is the dead letter of a service
        place = f"{message.topic}:{message.partition}:{message.offset}"
        log.warning("record_ignored", place=place, error=type(error).__name__)


def _headers(headers: Any) -> list[tuple[str, bytes]]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    return [(name, bytes(value or b"")) for name, value in pairs]


def _credentials(settings: KafkaSettings) -> Any:
    options = settings.kafka_client_options()
    secure = options.get("ssl_context")
    if settings.kafka_security_protocol.startswith("SASL_"):
        return faust.SASLCredentials(
            mechanism=options["sasl_mechanism"],
            username=options["sasl_plain_username"],
            password=options["sasl_plain_password"],
            ssl_context=secure,
        )
    return faust.SSLCredentials(secure) if secure else None
