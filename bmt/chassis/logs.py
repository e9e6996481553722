"""Logs: one JSON object a line on stdout, what happened as `event`, no personal data.

Libraries that log through the standard library (uvicorn, aiokafka, pymongo) come out the same way.
"""

import json
import logging
import sys
from typing import Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bmt.chassis import tracing
from bmt.chassis.redaction import redact

_QUIET: Final = ("httpx", "httpx2", "httpcore", "httpcore2", "pymongo", "asyncio")
"""Libraries that log each call at info or debug, with addresses that may name an account."""


def set_up_logs(service: str, level: str = "info", stream: TextIO = sys.stdout) -> None:
    """Sends all logs of this process to `stream`; call it once, first of all.

    Args:
        service: the name in each line.
        level: the least important level written (`debug`, `info`, `warning`, `error`).
        stream: where they go.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    processors = _processors(service)
    structlog.configure(
        processors=[*processors, _to_json_text],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *processors],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _to_json_text],
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
    if traceparent := tracing.current.get():
        event.setdefault("trace_id", tracing.trace_id(traceparent))
    return event


def _to_json_text(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(event).decode()
    except TypeError:  # a lone surrogate, of a file name say, or an integer beyond 64 bits
        return json.dumps(event)
