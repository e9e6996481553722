"""Says which fields are wrong and what is allowed there, without repeating what was sent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bmt.contracts.problems import FieldError

MOST_ERRORS: Final = 100
"""A body can be wrong in more places than anybody reads; the rest is only counted."""

_MOST_CHARACTERS: Final = 300
_SHORTEST_TELLTALE: Final = 3
ALLOWED: Final[Mapping[str, str]] = {
    "missing": "This is needed.",
    "extra_forbidden": "There is no such field.",
    "model_type": "A JSON object is needed.",
    "model_attributes_type": "A JSON object is needed.",
    "string_type": "A string is needed.",
    "string_pattern_mismatch": "It does not have the form that is needed: {pattern}",
    "literal_error": "One of these is needed: {expected}.",
    "enum": "One of these is needed: {expected}.",
    "union_tag_invalid": "One of these is needed: {expected_tags}.",
    "union_tag_not_found": "The field {discriminator} is needed to tell what this is.",
    "string_too_long": "At most {max_length} characters are allowed.",
    "string_too_short": "At least {min_length} characters are needed.",
    "too_long": "At most {max_length} items are allowed.",
    "too_short": "At least {min_length} items are needed.",
    "greater_than_equal": "At least {ge} is needed.",
    "less_than_equal": "At most {le} is allowed.",
}
"""What is allowed, by pydantic's error type; its fields come from the constraint, not the input."""


def field_errors(faults: Sequence[Any], body: Any = None) -> tuple[FieldError, ...]:
    """The faults that pydantic found, each with a pointer; at most `MOST_ERRORS`, then a count.

    Args:
        faults: what `ValidationError.errors()` gives, places as FastAPI writes them (`body`,
            `query`, `path`, `header` first).
        body: the JSON that was checked, to tell its own names from pydantic's.
    """
    told = tuple(
        FieldError(pointer=_pointer(fault, body), detail=_detail(fault))
        for fault in faults[:MOST_ERRORS]
    )
    more = len(faults) - len(told)
    return (
        (*told, FieldError(pointer="", detail=f"{more} more fields are wrong.")) if more else told
    )


def pointer(parts: Iterable[str | int]) -> str:
    """The RFC 6901 pointer through these names and indexes."""
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return "".join(f"/{part}" for part in escaped)[:_MOST_CHARACTERS]


def _pointer(fault: Mapping[str, Any], body: Any) -> str:
    where, *rest = fault["loc"] or ("body",)
    if where == "body":
        return pointer(_path_in(body, rest, missing=fault["type"] == "missing"))
    # Elsewhere a parameter is one value: what follows its name are tags of unions.
    return pointer((where, *rest[:1]))


def _path_in(value: Any, place: Sequence[str | int], *, missing: bool) -> Iterable[str | int]:
    """The parts of `place` that are in the body (or missing there); the rest are tags of unions."""
    for number, part in enumerate(place, start=1):
        if _holds(value, part):
            value = value[part]
        elif not (missing and number == len(place)):
            continue
        yield part


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and part < len(value)
    return isinstance(value, dict) and part in value


def _detail(fault: Mapping[str, Any]) -> str:
    detail = _allowed(fault)
    sent = fault.get("input")
    if isinstance(sent, str) and len(sent) >= _SHORTEST_TELLTALE and sent in detail:
        return "This value is not allowed."
    return detail[:_MOST_CHARACTERS]


def _allowed(fault: Mapping[str, Any]) -> str:
    kind, context = str(fault["type"]), fault.get("ctx", {})
    if kind in ALLOWED:
        return ALLOWED[kind].format_map(context)
    if kind in {"value_error", "assertion_error"}:
        return _sentence(str(context.get("error", "This value is not allowed")))
    # Behind the comma, pydantic quotes what it stumbled over.
    message = str(fault["msg"])
    return _sentence(message.partition(",")[0] if kind.endswith("_parsing") else message)


def _sentence(message: str) -> str:
    return message[:1].upper() + message[1:].removesuffix(".") + "."
