"""The W3C trace context of the call or event being handled.

Only the trace's identity is passed on (in logs, commits and events); nothing here makes spans.
"""

import re
import secrets
from contextvars import ContextVar
from typing import Final

_VALID: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

current: Final[ContextVar[str]] = ContextVar("traceparent", default="")
"""The traceparent being handled; empty outside of a call or an event."""


def new() -> str:
    """A traceparent of a trace that begins here (Trace Context, section 3.2)."""
    ids = secrets.token_hex(24)
    return f"00-{ids[:32]}-{ids[32:]}-01"


def accepted(traceparent: str | None) -> str:
    """The given traceparent if it is valid, otherwise a new one."""
    if traceparent and _VALID.fullmatch(traceparent):
        return traceparent
    return new()


def trace_id(traceparent: str) -> str:
    """The 32 hexadecimal digits that all parts of one trace share."""
    return traceparent[3:35]
