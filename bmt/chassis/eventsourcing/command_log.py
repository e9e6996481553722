"""What operators see of commands: counts of all, a span of each where spans are on, and lines in the log.

A command by itself has a line of its own. Those that are decided together have one line, which counts them: a line of each
would be a tenth of what a busy service does.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, Generic, NamedTuple, TypeVar

import structlog

from bmt.chassis.eventsourcing.decider import Message
from bmt.chassis.runtime import observability, tracing
from bmt.chassis.runtime.tracing import Kind, Span
from bmt.contracts.values import immutable

C = TypeVar("C")

CountCommand = Callable[[str, str, int], None]
"""Counts commands of one name that had the same outcome."""

_WORD_BEGINS: Final = re.compile(r"(?<!^)(?=[A-Z])")
_FAILED: Final = frozenset({"unavailable", "internal"})

log = structlog.get_logger(__name__)


def uncounted(_: str, __: str, ___: int) -> None:
    """Counts nothing."""


@cache
def _snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()


class End(NamedTuple):
    """What became of a command: applied, duplicate or the name of the problem; the problem's code; what was stored."""

    outcome: str
    code: str = ""
    types: Sequence[str] = ()


@immutable
class Wave(Generic[C]):
    """Messages that are decided together. With spans on, each message that belongs to a trace carries its span's."""

    messages: Sequence[Message[C]]
    spans: Sequence[Span | None]
    began: float


class CommandLog:
    """Of one service's execution."""

    def __init__(self, count: CountCommand) -> None:
        self._count = count

    def begin(self, messages: Sequence[Message[C]]) -> Wave[C]:
        began = time.perf_counter()
        if not tracing.is_on():
            return Wave(messages, (), began)
        spans = [_span(message) for message in messages]
        traced = [
            replace(message, traceparent=span.traceparent) if span else message
            for message, span in zip(messages, spans, strict=True)
        ]
        return Wave(traced, spans, began)

    def end(self, wave: Wave[Any], ends: Sequence[End]) -> None:
        """`ends` are in the order of the messages; none if the wave was broken off."""
        if not ends:
            return
        names = [_snake_case(type(message.command).__name__) for message in wave.messages]
        counted = Counter(zip(names, (end.outcome for end in ends), strict=True))
        for (name, outcome), count in counted.items():
            self._count(name, outcome, count)
        for span, end in zip(wave.spans, ends, strict=False):
            if span:
                failed = end.outcome if end.outcome in _FAILED else ""
                span.end(failed, **{"bmt.outcome": end.outcome, "bmt.event_types": end.types})
        took = round((time.perf_counter() - wave.began) * 1000, 1)
        role = observability.note_of_call(decided=True)
        if len(ends) == 1:
            _log_one(wave.messages[0], names[0], ends[0], {**role, "duration_ms": took})
        else:
            outcomes: dict[str, dict[str, int]] = {}
            for (name, outcome), count in counted.items():
                outcomes.setdefault(name, {})[outcome] = count
            log.info("commands", commands=outcomes, **role, duration_ms=took)


def _span(message: Message[Any]) -> Span | None:
    """None: no trace led here, so that the commit takes over its stream's."""
    if not message.traceparent:
        return None
    name = _snake_case(type(message.command).__name__)
    category, _, subject = message.stream.partition("-")
    about = {"bmt.command": name, "bmt.stream_category": category}
    return tracing.begin(f"decide {name}", Kind.INTERNAL, message.traceparent, subject, **about)


def _log_one(message: Message[Any], name: str, end: End, more: dict[str, Any]) -> None:
    """A stream's subject is left out where people chose it: it may be an account."""
    category, _, subject = message.stream.partition("-")
    if request_id := tracing.as_id(subject):
        more["request_id"] = request_id
    if message.traceparent:
        more["trace_id"] = observability.trace_id(message.traceparent)
    if end.code:
        more["code"] = end.code
    log.info("command", command=name, outcome=end.outcome, category=category, **more)
