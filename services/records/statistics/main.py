"""The statistics' process: a Faust app that computes the figures, and `/metrics`.

Nothing is stored. Offsets are never committed, so each start and each rebalance reads the topics
from the beginning. Several processes share the partitions and count their own requests; the sum is
the whole. No decision depends on these figures.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import faust
import structlog
from faust.transport.drivers import aiokafka
from faust.types import TP
from prometheus_client import start_http_server

import bmt.chassis.messaging.kafka_client  # noqa: F401  it tells aiokafka of closed connections
from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.eventsourcing.event_store import Vocabulary
from bmt.chassis.http.app import warn_of_what_is_not_encrypted
from bmt.chassis.runtime.observability import new_registry, set_up_logs
from bmt.chassis.runtime.settings import WRONG_CONFIGURATION, KafkaSettings, load
from bmt.contracts import topics
from bmt.contracts.envelope import read_kafka, read_own
from services.records.statistics.figures import MILESTONES, Figures, Times, after
from services.records.statistics.settings import Settings

log = structlog.get_logger(__name__)

READ: Final = (topics.DECISIONS, topics.CONFIGURATIONS, topics.NOTIFICATIONS, topics.RECORDS)
"""The topics with a milestone. Each event carries the time of receipt."""
SESSION_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 2.0

_MILESTONES: Final = Vocabulary(MILESTONES)


def statistics(settings: Settings, figures: Figures, ready: Callable[[], None]) -> faust.App:
    """The app, to be run by a Faust worker.

    `ready` is called each time the figures cover everything that the topics contained at an
    assignment.
    """
    brokers = settings.kafka_bootstrap_servers.split(",")
    app = faust.App(
        f"{settings.topic_prefix}bmt.{settings.service}",
        broker=[f"kafka://{broker.strip()}" for broker in brokers],
        broker_credentials=_credentials(settings),
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=HEARTBEAT_SECONDS,
        consumer_auto_offset_reset="earliest",
        # A member with a name gets its partitions back at once after a restart.
        consumer_group_instance_id=settings.instance,
        topic_disable_leader=True,
        web_enabled=False,
    )
    app.transport = _Transport(app.conf.broker_consumer, app)
    names = [settings.topic_prefix + topic for topic in READ]
    turnaround = Turnaround(figures, ready)

    @app.on_partitions_assigned.connect(weak=False)
    async def count_anew(_: faust.App, assigned: Collection[TP], **__: Any) -> None:
        own = [place for place in assigned if place.topic in names]
        turnaround.keep(own)
        if fault := _not_alike(app, names):
            await app.crash(WrongConfiguration(fault))
            return
        begins = await app.consumer.earliest_offsets(*own) if own else {}
        if begins:
            await app.consumer.seek_wait(begins)
        ends = await app.consumer.highwaters(*own) if own else {}
        turnaround.expect({place: end for place, end in ends.items() if end > begins[place]})

    read = app.topic(
        *names,
        # Raw: Faust would stop at a record that it cannot decode.
        key_serializer="raw",
        value_serializer="raw",
        acks=False,
    )

    @app.agent(read, name=f"{settings.service}.listen", concurrency=1)
    async def listen(stream: Any) -> None:
        async for event in stream.events():
            # After a rebalance records may come that are another process' by now.
            if TP(event.message.topic, event.message.partition) in app.consumer.assignment():
                for record in event.message.value:
                    turnaround.take(record)

    return app


class _NoOffsets(defaultdict[TP, int | None]):
    """Forgets what is set."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __setitem__(self, place: TP, offset: int | None) -> None:
        """Forget it."""

    def update(self, *_: Any, **__: Any) -> None:
        """Forget it."""


class _Consumer(aiokafka.Consumer):
    """What one poll brought from a partition is one message: on each message Faust spends more than we do."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # By these Faust leaves out what it took before. An assignment is read anew, and counting is harmless.
        self._read_offset = _NoOffsets()

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  as Faust calls it
    ) -> dict[TP, list[Any]]:
        polled = await super()._getmany(active_partitions, timeout)
        return {place: [records] for place, records in polled.items() if records}

    def _to_message(self, tp: TP, records: Any) -> Any:
        message = super()._to_message(tp, records[-1])
        message.value = records
        return message


class _Transport(aiokafka.Transport):
    Consumer = _Consumer


class Turnaround:
    """The requests of this process' partitions, and their figures.

    A request's events have the same number of a partition in each topic. Every assignment is read from the beginning, which counts
    nothing twice; Faust may begin before it tells of the assignment.
    """

    def __init__(self, figures: Figures, ready: Callable[[], None]) -> None:
        self._figures = figures
        self._ready = ready
        self._times: dict[int, dict[str, Times]] = {}
        self._taken: dict[TP, int] = {}
        self._unread: dict[TP, int] = {}

    def keep(self, own: Collection[TP]) -> None:
        """Forget all but these partitions."""
        numbers = {place.partition for place in own}
        self._times = {number: of for number, of in self._times.items() if number in numbers}
        self._taken = {place: at for place, at in self._taken.items() if place in own}
        self._unread = {}
        self._figures.clear()
        for of_partition in self._times.values():
            for times in of_partition.values():
                self._figures.replace(None, times)

    def expect(self, ends: Mapping[TP, int]) -> None:
        """Call `ready` once every record before these offsets is counted."""
        # Some records may have been counted while the ends were fetched.
        self._unread = {
            place: end for place, end in ends.items() if self._taken.get(place, -1) + 1 < end
        }
        self._report_when_read()

    def take(self, message: Any) -> None:
        """Count one record. Never raises: Faust would stop reading."""
        place = TP(message.topic, message.partition)
        try:
            self._count(message)
        except Exception as error:  # noqa: BLE001  a service makes a dead letter of it
            position = f"{message.topic}:{message.partition}:{message.offset}"
            log.warning("record_ignored", place=position, error=type(error).__name__)
        self._taken[place] = message.offset
        if message.offset + 1 >= self._unread.get(place, message.offset + 2):
            del self._unread[place]
            self._report_when_read()

    def _count(self, message: Any) -> None:
        headers = dict(message.headers or ())
        type_ = bytes(headers.get("ce_type") or b"").decode()
        if not _MILESTONES.knows(type_):
            return
        written = [(name, bytes(text or b"")) for name, text in headers.items()]
        envelope = read_own(written, message.value) or read_kafka(written, message.value)
        event: Any = _MILESTONES.decode(envelope.type, envelope.data)
        request_id = event.request.request_id
        known = self._times.setdefault(message.partition, {})
        before = known.get(request_id)
        now = after(before, event, envelope.time)
        if now != before:
            known[request_id] = now
            self._figures.replace(before, now)

    def _report_when_read(self) -> None:
        if not self._unread:
            self._ready()


def _not_alike(app: faust.App, names: Collection[str]) -> str | None:
    """The fault if the topics' numbers of partitions differ: a request's events would be split."""
    found = {name: app.consumer.topic_partitions(name) for name in names}
    known = {name: number for name, number in found.items() if number is not None}
    if len(set(known.values())) <= 1:
        return None
    numbers = ", ".join(f"{name} has {number}" for name, number in known.items())
    return f"the topics that the statistics read need equally many partitions: {numbers}"


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


def build(settings: Settings) -> faust.App:
    """The app. `/metrics` is served once the topics are read up to their ends at the start."""
    figures = Figures()
    registry = new_registry()
    registry.register(figures)
    served: list[object] = []

    def serve() -> None:
        if not served:
            served.append(start_http_server(settings.port, settings.host, registry))

    return statistics(settings, figures, serve)


def main() -> None:
    """Run until stopped."""
    settings = load(Settings)
    set_up_logs(settings.service, settings.log_level, line_format=settings.log_format)
    warn_of_what_is_not_encrypted(settings)
    worker = faust.Worker(
        build(settings), quiet=True, redirect_stdouts=False, override_logging=False
    )
    worker.spinner = None  # it would draw in the log
    try:
        worker.execute_from_commandline()
    except SystemExit:
        if isinstance(worker.crash_reason, WrongConfiguration):
            sys.stderr.write(f"{worker.crash_reason}\n")
            sys.exit(WRONG_CONFIGURATION)
        raise


if __name__ == "__main__":
    main()
