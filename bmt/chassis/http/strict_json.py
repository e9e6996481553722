"""JSON from outside: one meaning or none.

Readers differ on repeated names and NaN: one takes the last name, another the first. So both are refused
here (RFC 8259 leaves them open, RFC 7493 forbids them).
"""

import json
from typing import Any, Final

import orjson

from bmt.contracts.problems import FieldError, Refused

MOST_LEVELS: Final = 32
"""How deep objects and lists may be nested in each other; no call needs more than six levels."""

_TOO_DEEP: Final = f"it is nested more than {MOST_LEVELS} levels deep"


def parse(body: bytes) -> Any:
    """The JSON value of a body. Raises `Refused` (`validation_failed`) for the reasons of `read`."""
    try:
        return read(body)
    except ValueError as error:
        wrong = FieldError.of("", "not_json", why=str(error))
        raise Refused(wrong.detail, errors=(wrong,)) from None


def read(text: bytes) -> Any:
    """The JSON value of a text.

    Raises:
        ValueError: not JSON, not UTF-8, nested too deeply, NaN or infinite, a lone surrogate, an
            integer of thousands of digits, or a name that appears twice in one object.
    """
    value = orjson.loads(text)
    # Counted first, since walking is slow: few brackets cannot nest deeply.
    if text.count(b"[") + text.count(b"{") > MOST_LEVELS and _deeper_than(MOST_LEVELS, value):
        raise ValueError(_TOO_DEEP)
    # With as many colons as names, no repeated name was dropped.
    if text.count(b":") != _names_in(value):
        _NAMES_ONCE.decode(text.decode())
    return value


def _names_in(value: Any) -> int:
    """The number of names in its objects. The nesting was checked before."""
    if isinstance(value, dict):
        return len(value) + sum(map(_names_in, value.values()))
    return sum(map(_names_in, value)) if isinstance(value, list) else 0


def _deeper_than(levels: int, value: Any) -> bool:
    within = [value]
    for _ in range(levels + 1):
        nested = [each for each in within if isinstance(each, dict | list)]
        if not nested:
            return False
        within = [
            item for each in nested for item in (each.values() if isinstance(each, dict) else each)
        ]
    return True


def _names_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name appears twice in one object")


_NAMES_ONCE: Final = json.JSONDecoder(object_pairs_hook=_names_once)
