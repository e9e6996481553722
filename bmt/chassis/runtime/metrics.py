"""The metrics of every service, under documented names. No label holds an id or a person.

A service defines its own further metrics on the same registry.
"""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from importlib.metadata import version
from typing import Final, Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

Outcome = Literal["applied", "duplicate", "retried", "parked", "dead"]
"""What became of a consumed event."""

_APPEND_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_BATCH_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def new_registry() -> CollectorRegistry:
    """A registry with the process's own figures and its version. `_created` series are left out."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    built = Gauge(
        "bmt_build_info", "1; the label says which version.", ["version"], registry=registry
    )
    built.labels(version("big-mail-transfer")).set(1)
    return registry


class ServiceMetrics:
    """The chassis' metrics of one service."""

    def __init__(self, service: str, registry: CollectorRegistry) -> None:
        self.service: Final = service

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(name, about, ["service", *labels], registry=registry)

        def gauge(name: str, about: str) -> Gauge:
            return Gauge(name, about, ["service"], registry=registry).labels(service)

        def histogram(name: str, about: str, buckets: Sequence[float]) -> Histogram:
            return Histogram(name, about, buckets=buckets, registry=registry)

        self._events_handled = counter(
            "bmt_events_handled", "Events heard, by what became of them.", "type", "outcome"
        )
        self._commands = counter(
            "bmt_commands", "Commands executed, by what became of them.", "command", "outcome"
        )
        # A look-up by labels takes a lock and builds a key for each call.
        self._command = cache(partial(self._commands.labels, service))
        self._append_seconds = histogram(
            "bmt_append_seconds",
            "How long one write of commits takes until it is durable.",
            _APPEND_SECONDS,
        )
        self._append_batch_size = histogram(
            "bmt_append_batch_size", "Commits that leave together in one write.", _BATCH_SIZES
        )
        self._outbox_pending = gauge("bmt_outbox_pending", "Commits still to be delivered.")
        self._outbox_oldest_seconds = gauge(
            "bmt_outbox_oldest_seconds",
            "Age of the oldest commit still to be delivered; 0 when there is none.",
        )
        self._parked_events = gauge("bmt_parked_events", "Events that wait for an operator.")
        self._views_left_behind = counter(
            "bmt_views_left_behind",
            "Events that one of the service's own views could not take in.",
        ).labels(service)
        self._consumer_stalled = gauge(
            "bmt_consumer_stalled_seconds",
            "How long ago the service was last done with all that it had fetched from Kafka.",
        )
        self._gone_unread = counter(
            "bmt_records_gone_unread",
            "Records that a topic no longer had when this service came to read them.",
            "topic",
        )
        self._republishing = gauge(
            "bmt_republishing_jobs",
            "Jobs that publish again what a topic lost or an operator named.",
        )
        self._lag = Gauge(
            "kafka_consumergroup_lag",
            "Records of a partition that the group has not handled yet.",
            ["consumergroup", "topic", "partition"],
            registry=registry,
        )

    def event_handled(self, type_: str, outcome: Outcome, count: int = 1) -> None:
        self._events_handled.labels(self.service, type_, outcome).inc(count)

    def command_executed(self, command: str, outcome: str, count: int = 1) -> None:
        """Count commands; `outcome` is applied, duplicate, or the name of the problem."""
        self._command(command, outcome).inc(count)

    def appended(self, batch_size: int, seconds: float) -> None:
        self._append_batch_size.observe(batch_size)
        self._append_seconds.observe(seconds)

    def outbox(self, pending: int, oldest_seconds: float) -> None:
        self._outbox_pending.set(pending)
        self._outbox_oldest_seconds.set(oldest_seconds)

    def view_left_behind(self) -> None:
        self._views_left_behind.inc()

    def gone_unread(self, topic: str, records: int) -> None:
        self._gone_unread.labels(self.service, topic).inc(records)

    def republishing(self, jobs: int) -> None:
        self._republishing.set(jobs)

    def parked(self, events: int) -> None:
        self._parked_events.set(events)

    def consumer_stalled(self, seconds: float) -> None:
        self._consumer_stalled.set(seconds)

    def lag(self, group: str, lags: Mapping[tuple[str, int], int]) -> None:
        """Set a group's lag by topic and partition, and forget all other partitions."""
        self._lag.clear()
        for (topic, partition), records in lags.items():
            self._lag.labels(group, topic, str(partition)).set(records)
