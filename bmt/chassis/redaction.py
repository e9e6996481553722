"""Keeps people and secrets out of the logs, whoever writes the line."""

import re
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

PERSONAL_KEYS: Final = frozenset(
    {
        "account", "applicant", "authorization", "body", "cookie", "display_name", "email",
        "justification", "name", "passphrase", "password", "principal", "recipient", "secret",
        "subject", "token", "username",
    }
)  # fmt: skip
"""Keys whose values are never logged, at any depth."""

# Bounded and possessive: whatever the text, each place in it is looked at a bounded number of times.
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
"""Types whose text is what is meant; of any other object, a model say, only the type is told."""


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
