"""JSON as it comes from outside: one meaning or none.

A reader that takes the last of two equal names, or NaN, may read something else than the next
reader does; so both are refused here (RFC 8259 leaves them open, RFC 7493 forbids them).
"""

import json
from typing import Any, Final, NoReturn

import orjson

from bmt.contracts.problems import FieldError, Refused


def parse(body: bytes) -> Any:
    """The JSON value of `body`.

    Raises:
        Refused: `validation_failed`: not JSON, not UTF-8, nested too deeply, NaN or infinite, a
            lone surrogate, or a name that appears twice in one object.
    """
    try:
        value = orjson.loads(body)
        _NAMES_ONCE.decode(body.decode())
    except orjson.JSONDecodeError as error:
        _refuse(str(error))
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:  # from _names_once, or an integer of thousands of digits
        _refuse(str(error))
    return value


def _refuse(reason: str) -> NoReturn:
    detail = f"The body cannot be read as JSON: {reason}"
    raise Refused(detail, errors=(FieldError(pointer="", detail=detail),)) from None


def _names_once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name appears twice in one object")


_NAMES_ONCE: Final = json.JSONDecoder(object_pairs_hook=_names_once)
