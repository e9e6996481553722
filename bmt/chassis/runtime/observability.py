"""What operators see of a process: the trace of what it handles, its logs, its metrics, and its parts.

A trace's identity is passed on in logs, commits and events (W3C Trace Context); `tracing` makes spans of it. A line of the
log is one JSON object (or logfmt), what happened as `event`; libraries that log through the standard library (uvicorn, aiokafka,
pymongo) use the same format. Neither logs nor labels of metrics hold a secret or personal data. A service defines its
own further metrics on the same registry.
"""

import asyncio
import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache, partial
from importlib.metadata import version
from pathlib import PurePath
from typing import Any, Final, TextIO
from uuid import UUID

import orjson
import structlog
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
from structlog.typing import EventDict, Processor, WrappedLogger

_VALID: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

current_trace: Final[ContextVar[str]] = ContextVar("traceparent", default="")
"""The traceparent being handled; empty outside of a call or an event."""

current_call: Final[ContextVar[dict[str, Any] | None]] = ContextVar("call", default=None)
"""What is known of the call that is being answered, without personal data; None outside of a call."""


def note_of_call(**facts: Any) -> dict[str, str]:
    """Add facts to the current call, if there is one. Returns the caller's role for the log, if it is known."""
    call = current_call.get()
    if call is None:
        return {}
    call.update(facts)
    return {"role": call["role"]} if "role" in call else {}


def new_traceparent() -> str:
    """A traceparent of a trace that begins here (Trace Context, section 3.2)."""
    ids = secrets.token_hex(24)
    return f"00-{ids[:32]}-{ids[32:]}-01"


def accepted_traceparent(traceparent: str | None) -> str:
    """The given traceparent if it is valid, otherwise a new one."""
    if traceparent and is_traceparent(traceparent):
        return traceparent
    return new_traceparent()


def is_traceparent(text: str) -> bool:
    return _VALID.fullmatch(text) is not None


def trace_id(traceparent: str) -> str:
    """The 32 hexadecimal digits that all parts of one trace share."""
    return traceparent[3:35]


PERSONAL_KEYS: Final = frozenset(
    {
        "account", "applicant", "authorization", "body", "cookie", "display_name", "email",
        "justification", "name", "passphrase", "password", "principal", "recipient", "secret",
        "subject", "token", "username",
    }
)  # fmt: skip
"""Keys whose values are never logged, at any depth."""

# Bounded and possessive, so that no text makes it backtrack.
_TELLTALE: Final = re.compile(
    r"(?P<uri>\b[a-z][a-z0-9+.-]{0,20}+://)[^\s/@]{1,256}+@"  # user:password in a URI
    r"|(?i:\bbearer\s{1,8})[\w.~+/=-]++"
    r"|(?<![\w-])eyJ[\w-]++\.[\w-]++\.[\w-]*+"  # a JWT
    r"|[\w.!#$%&'*+/=?^`{|}~-]{1,64}+@[\w-]{1,63}(?:\.[\w-]{1,63})+"  # an e-mail address
    r"|[\w.!#$&'*+/=?^`{|}~-]{1,64}+%40[\w-]{1,63}(?:\.[\w-]{1,63})+"  # the same in a URI
    r"|input_value=(?:(?!, input_type=)(?s:.))*+"  # pydantic's errors repeat the input
    r"|dup key: \{[^\n]*+"  # MongoDB's errors repeat the key, and again in what follows
)
_REMOVED: Final = "[removed]"
_TELLS_ITSELF: Final = (date, timedelta, Enum, PurePath, UUID, BaseException)
"""Types that are logged as text. Of any other object, such as a model, only the type is logged."""


def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: removes personal keys, and addresses and tokens in texts."""
    return {key: _clean(key, value) for key, value in event.items()}


def redact_text(text: str) -> str:
    """The text without e-mail addresses, tokens, passwords of URIs, and repeated input."""
    return _TELLTALE.sub(lambda found: (found["uri"] or "") + _REMOVED, text)


def _clean(key: str, value: Any) -> Any:
    if key.lower().replace("-", "_") in PERSONAL_KEYS:
        return _REMOVED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {str(inner): _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean("", item) for item in value]
    if value is None or isinstance(value, int | float):
        return value
    return redact_text(str(value)) if isinstance(value, _TELLS_ITSELF) else type(value).__name__


_QUIET: Final = ("httpx", "httpx2", "httpcore", "httpcore2", "imapclient", "pymongo", "asyncio")
"""Libraries that log each call at info or debug, with addresses that may name an account."""


def set_up_logs(
    service: str, level: str = "info", stream: TextIO = sys.stdout, line_format: str = "json"
) -> None:
    """Send all logs of this process to `stream`. Call it once, first of all.

    `service` is the name in each line; `level` the least important level written; `line_format` json or logfmt.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    processors = _processors(service)
    to_text = _to_logfmt if line_format == "logfmt" else _to_json_text
    structlog.configure(
        processors=[*processors, to_text],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *processors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, to_text],
        )
    )
    logging.basicConfig(handlers=[handler], level=number, force=True)
    logging.captureWarnings(capture=True)
    for library in _QUIET:
        logging.getLogger(library).setLevel(max(number, logging.WARNING))


def _processors(service: str) -> list[Processor]:
    def add_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_service,
        _add_trace,
        structlog.processors.format_exc_info,
        redact,
    ]


def _add_trace(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    if traceparent := current_trace.get():
        event.setdefault("trace_id", trace_id(traceparent))
    return event


def _to_json_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # a lone surrogate (in a file name), or an integer beyond 64 bits
        return json.dumps(event)


_LOGFMT: Final = structlog.processors.LogfmtRenderer(
    key_order=["time", "level", "service", "event"], drop_missing=True, bool_as_flag=False
)


def _to_logfmt(logger: WrappedLogger, method: str, event: EventDict) -> str:
    """One line, whatever a value holds."""
    line = _LOGFMT(logger, method, event).replace("\r", "\\r")
    return line.encode(errors="backslashreplace").decode()


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
        self.parked_events: Final = gauge("bmt_parked_events", "Events that wait for an operator.")
        self._dead_letters = gauge(
            "bmt_dead_letters_open", "Events that this service refused and that nobody has seen to."
        )
        self._dead_letters_oldest = gauge(
            "bmt_dead_letters_oldest_timestamp_seconds",
            "When the oldest of them was refused; 0 when there is none.",
        )
        self.views_left_behind: Final = counter(
            "bmt_views_left_behind",
            "Events that one of the service's own views could not take in.",
        ).labels(service)
        self.consumer_stalled_seconds: Final = gauge(
            "bmt_consumer_stalled_seconds",
            "How long ago the service was last done with all that it had fetched from Kafka.",
        )
        self._gone_unread = counter(
            "bmt_records_gone_unread",
            "Records that a topic no longer had when this service came to read them.",
            "topic",
        )
        self.republishing_jobs: Final = gauge(
            "bmt_republishing_jobs",
            "Jobs that publish again what a topic lost or an operator named.",
        )
        self._lag = Gauge(
            "kafka_consumergroup_lag",
            "Records of a partition that the group has not handled yet.",
            ["consumergroup", "topic", "partition"],
            registry=registry,
        )

    def event_handled(self, type_: str, outcome: str, count: int = 1) -> None:
        """Count consumed events of a type by what became of them (`dispatch.Outcome`)."""
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

    def gone_unread(self, topic: str, records: int) -> None:
        self._gone_unread.labels(self.service, topic).inc(records)

    def dead_letters(self, letters: int, oldest: datetime | None) -> None:
        self._dead_letters.set(letters)
        self._dead_letters_oldest.set(oldest.timestamp() if oldest else 0.0)

    def lag(self, group: str, lags: Mapping[tuple[str, int], int]) -> None:
        """Set a group's lag by topic and partition, and forget all other partitions."""
        self._lag.clear()
        for (topic, partition), records in lags.items():
            self._lag.labels(group, topic, str(partition)).set(records)


ReadinessCheck = Callable[[], Awaitable[object]]
"""Returns when the part can be used; raises when it cannot."""

Sampler = Callable[[], Awaitable[None]]
"""Updates gauges just before they are read."""

CHECK_SECONDS: Final = 2.0
"""How long a readiness check or a sampler may take."""

WATCH_SECONDS: Final = 10.0
"""How often a process looks at its parts by itself."""

_log = structlog.get_logger()


class Parts:
    """Which parts a process can use now, and since when: shown in its metrics, and in the log when one comes or goes."""

    def __init__(
        self, registry: CollectorRegistry, seconds: Callable[[], float] = time.time
    ) -> None:
        self._up = Gauge(
            "bmt_part_up", "1 while this process can use the part.", ["part"], registry=registry
        )
        self._changed = Gauge(
            "bmt_part_changed_timestamp_seconds",
            "When the part was last seen to come or go; at first, when it was first looked at.",
            ["part"],
            registry=registry,
        )
        self._seconds = seconds
        self._seen: dict[str, bool] = {}

    def note(self, part: str, up: bool, error: str = "") -> None:  # noqa: FBT001  the state to note
        before = self._seen.get(part)
        if before == up:
            return
        self._seen[part] = up
        self._up.labels(part).set(up)
        self._changed.labels(part).set(self._seconds())
        if not up:
            _log.warning("part_not_ready", part=part, error=error)
        elif before is not None:
            _log.info("part_ready_again", part=part)

    def noting(self, part: str) -> Callable[[bool], None]:
        """A callback that notes whether this part can be used."""
        return partial(self.note, part)

    async def missing(self, checks: Mapping[str, ReadinessCheck]) -> list[str]:
        """The names of the parts whose check fails or does not return in time."""
        answers = await asyncio.gather(*(self._is_ready(name, checks[name]) for name in checks))
        return [name for name, ready in zip(checks, answers, strict=True) if not ready]

    async def watch(self, checks: Mapping[str, ReadinessCheck]) -> None:
        """Look for ever, so that it is known since when a part is missing."""
        while True:
            await self.missing(checks)
            await asyncio.sleep(WATCH_SECONDS)

    async def _is_ready(self, part: str, check: ReadinessCheck) -> bool:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await check()
        except Exception as error:  # noqa: BLE001  whatever is wrong, the part is not ready
            self.note(part, up=False, error=repr(error))
            return False
        self.note(part, up=True)
        return True
