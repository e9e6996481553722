"""Spans for OpenTelemetry, where an operator switched them on. Otherwise there are none, and its SDK is not imported.

A span's identity is a traceparent (W3C Trace Context), which commits, work items and Kafka's headers carry: a span's parent
is the traceparent that its work came with, and what follows from it carries the span's own. Attributes hold ids, types and
outcomes, never what people wrote and never the text of an error.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from typing import Any, Final

from bmt.chassis.errors import WrongConfiguration
from bmt.chassis.runtime.observability import accepted_traceparent, is_traceparent

FLUSHED_WITHIN_SECONDS: Final = 3.0
"""How long a stop waits for the collector. What it does not take in this time is lost."""

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Attribute = str | int | Sequence[str]


class Kind(StrEnum):
    """The kinds of spans, by their names in OpenTelemetry."""

    SERVER = "SERVER"
    INTERNAL = "INTERNAL"
    PRODUCER = "PRODUCER"
    CONSUMER = "CONSUMER"


@dataclass(frozen=True, slots=True)
class Span:
    """A span that has begun. `traceparent` is its identity, for all that follows from it."""

    traceparent: str
    _span: Any
    _error: Any

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def end(self, error: str = "", **attributes: Attribute) -> None:
        """End it, unless it has ended. `error` is the kind of failure."""
        if not self._span.is_recording():
            return
        self._span.set_attributes(attributes)
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(self._error)
        self._span.end()


class _Tracer:
    """The SDK, imported and set up."""

    def __init__(self, service: str, endpoint: str) -> None:
        from opentelemetry import trace  # noqa: PLC0415  imported where it is switched on
        from opentelemetry.context import Context  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        build = version("big-mail-transfer")
        resource = {"service.name": service, "service.namespace": "bmt", "service.version": build}
        # The sampler follows OTEL_TRACES_SAMPLER, the queue OTEL_BSP_*, the exporter OTEL_EXPORTER_OTLP_*.
        self.provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        # It says each try that fails; that a batch is lost, it says as an error.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
        self._error = trace.Status(trace.StatusCode.ERROR)
        self._tracer = self.provider.get_tracer("bmt", build)
        self._trace = trace
        self._no_parent = Context()

    def begin(
        self, name: str, kind: Kind, parent: str | None, attributes: dict[str, Attribute]
    ) -> Span:
        span = self._tracer.start_span(
            name,
            context=self._below(parent),
            kind=self._trace.SpanKind[kind],
            attributes=attributes,
        )
        own = span.get_span_context()
        if not own.is_valid:  # OTEL_SDK_DISABLED
            return Span(accepted_traceparent(parent), span, self._error)
        traceparent = f"00-{own.trace_id:032x}-{own.span_id:016x}-{own.trace_flags:02x}"
        return Span(traceparent, span, self._error)

    def _below(self, parent: str | None) -> Any:
        if not parent or not is_traceparent(parent):
            return self._no_parent
        known = self._trace.SpanContext(
            trace_id=int(parent[3:35], 16),
            span_id=int(parent[36:52], 16),
            is_remote=True,
            trace_flags=self._trace.TraceFlags(int(parent[53:], 16)),
        )
        return self._trace.set_span_in_context(self._trace.NonRecordingSpan(known), self._no_parent)


_on: _Tracer | None = None


def is_on() -> bool:
    return _on is not None


def switch_on(service: str, endpoint: str) -> None:
    """Send the spans of this process to the collector at `endpoint`.

    Raises:
        WrongConfiguration: OpenTelemetry is not installed.
    """
    global _on  # noqa: PLW0603  as logs are set up: once a process
    try:
        _on = _Tracer(service, endpoint)
    except ModuleNotFoundError as error:
        raise WrongConfiguration(
            f"BMT_OTLP_ENDPOINT is set, and {error.name} is not installed:"
            " pip install 'big-mail-transfer[telemetry]'"
        ) from None


async def flush() -> None:
    """Send what has ended, before the process stops. A collector that does not answer holds nothing up for long."""
    if _on is None:
        return
    flushed = asyncio.Event()
    loop = asyncio.get_running_loop()

    def shut_down(provider: Any) -> None:
        provider.shutdown()
        loop.call_soon_threadsafe(flushed.set)

    threading.Thread(target=shut_down, args=(_on.provider,), daemon=True).start()
    try:
        async with asyncio.timeout(FLUSHED_WITHIN_SECONDS):
            await flushed.wait()
    except TimeoutError:
        return


def begin(
    name: str, kind: Kind, parent: str | None, /, subject: str = "", **attributes: Attribute
) -> Span | None:
    """Begin a span below `parent`, or a trace where that is none; None while it is off.

    `subject` is of the stream or event that it is about.
    """
    if _on is None:
        return None
    if request_id := as_id(subject):
        attributes["bmt.request_id"] = request_id
    return _on.begin(name, kind, parent, attributes)


def begin_on_topic(
    operation: str, kind: Kind, topic: str, parent: str | None, type_: str, subject: str
) -> Span | None:
    """Begin the span of one event that is sent to, or processed from, a topic (semantic conventions for messaging)."""
    about: dict[str, Attribute] = {
        "messaging.system": "kafka",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": topic,
        "bmt.event_type": type_,
    }
    return begin(f"{operation} {topic}", kind, parent, subject, **about)


@contextmanager
def ending(spans: Sequence[Span]) -> Iterator[None]:
    """End all of them with the block; with the name of its error, if one leaves it."""
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.end(type(error).__name__)
        raise
    for span in spans:
        span.end()


def as_id(subject: str) -> str:
    """The subject of a stream if it is an id, else nothing: others are chosen by people."""
    return subject if _ID.fullmatch(subject) else ""
