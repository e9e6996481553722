"""Logs: one JSON object a line on stdout, what happened as `event`, no secret and no personal data.

Libraries that log through the standard library (uvicorn, aiokafka, pymongo) use the same format.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, TextIO
from uuid import UUID

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bmt.chassis.runtime import tracing

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


def set_up_logs(service: str, level: str = "info", stream: TextIO = sys.stdout) -> None:
    """Send all logs of this process to `stream`. Call it once, first of all.

    `service` is the name in each line; `level` the least important level written.
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
    except TypeError:  # a lone surrogate (in a file name), or an integer beyond 64 bits
        return json.dumps(event)
