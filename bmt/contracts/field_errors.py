"""Lists the wrong fields and what is allowed there, without repeating the input."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from bmt.contracts.faults import GENERAL, SENTENCES, FaultValue, Values
from bmt.contracts.problems import FieldError
from bmt.contracts.values import FORMS

MOST_ERRORS: Final = 100
"""A body can be wrong in more places than anybody reads; the rest is only counted."""

_MOST_CHARACTERS: Final = 300
_SHORTEST_TELLTALE: Final = 3
_QUOTED: Final = re.compile(r"'([^']*)'")

CODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("missing", "missing_argument", "none_required"), "required"),
    **dict.fromkeys(("extra_forbidden", "unexpected_keyword_argument"), "unknown_field"),
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dict_type", "mapping_type", "dataclass_type"),
        "not_an_object",
    ),
    **dict.fromkeys(
        ("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), "not_a_list"
    ),
    **dict.fromkeys(("string_type", "string_unicode"), "not_text"),
    **dict.fromkeys(("bytes_type", "bytes_invalid_encoding"), "not_text"),
    **dict.fromkeys(
        ("int_type", "int_parsing", "int_parsing_size", "int_from_float"), "not_a_whole_number"
    ),
    **dict.fromkeys(
        ("float_type", "float_parsing", "decimal_type", "decimal_parsing", "finite_number"),
        "not_a_number",
    ),
    **dict.fromkeys(("bool_type", "bool_parsing"), "not_true_or_false"),
    **dict.fromkeys(
        (
            "date_type",
            "date_parsing",
            "date_from_datetime_parsing",
            "date_from_datetime_inexact",
        ),
        "not_a_day",
    ),
    **dict.fromkeys(
        (
            "datetime_type",
            "datetime_parsing",
            "datetime_object_invalid",
            "datetime_from_date_parsing",
            "timezone_naive",
            "timezone_offset",
            "time_type",
            "time_parsing",
        ),
        "not_a_time",
    ),
    **dict.fromkeys(("json_invalid", "json_type"), "not_an_object"),
    **dict.fromkeys(("literal_error", "enum", "union_tag_invalid"), "not_one_of"),
    "union_tag_not_found": "kind_needed",
    **dict.fromkeys(("string_too_long", "bytes_too_long", "url_too_long"), "too_long"),
    **dict.fromkeys(("string_too_short", "bytes_too_short"), "too_short"),
    "too_long": "too_many_items",
    "too_short": "too_few_items",
    **dict.fromkeys(("less_than", "less_than_equal"), "above_maximum"),
    **dict.fromkeys(("greater_than", "greater_than_equal"), "below_minimum"),
    "string_pattern_mismatch": "wrong_form",
    **dict.fromkeys(
        ("url_type", "url_parsing", "uuid_type", "uuid_parsing", "uuid_version"), "wrong_form"
    ),
}
"""Our codes by pydantic's error types; a type that is not here is one of our own, or has the general code."""

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "maximum": ("max_length", "le", "lt"),
    "minimum": ("min_length", "ge", "gt"),
    "field": ("discriminator",),
}
"""Names of pydantic's context values. Each comes from the constraint, never from the input."""


def field_errors(faults: Sequence[Any], body: Any = None) -> tuple[FieldError, ...]:
    """The faults that pydantic found, each with a pointer; at most `MOST_ERRORS`, then a count.

    Args:
        faults: what `ValidationError.errors()` gives, places as FastAPI writes them (`body`,
            `query`, `path`, `header` first).
        body: the JSON that was checked, to tell its own names from pydantic's.
    """
    told = tuple(_error(fault, body) for fault in faults[:MOST_ERRORS])
    more = len(faults) - len(told)
    return (*told, FieldError.of("", "more_faults", count=more)) if more else told


def faults_in_body(error: ValidationError, body: Any) -> tuple[FieldError, ...]:
    """As `field_errors`, of a body that was validated by itself."""
    return field_errors(
        [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors(include_url=False)],
        body,
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


def _error(fault: Mapping[str, Any], body: Any) -> FieldError:
    code, values = _code(fault)
    error = FieldError.of(_pointer(fault, body), code, **values)
    sent = fault.get("input")
    if isinstance(sent, str) and len(sent) >= _SHORTEST_TELLTALE and sent in error.detail:
        return FieldError.of(error.pointer, GENERAL)
    return error


def _code(fault: Mapping[str, Any]) -> tuple[str, Values]:
    """The code of a fault, with its values."""
    kind, context = str(fault["type"]), fault.get("ctx") or {}
    if kind not in CODES:
        return (kind, context) if kind in SENTENCES else (GENERAL, {})
    code = CODES[kind]
    if code == "not_one_of":
        allowed = str(context.get("expected") or context.get("expected_tags", ""))
        return code, {"allowed": tuple(_QUOTED.findall(allowed))}
    if code == "wrong_form":
        return FORMS.get(context.get("pattern", ""), code), {}
    values = {
        place: _plain(context[name])
        for place, names in _VALUES.items()
        for name in names
        if name in context
    }
    if code == "too_short" and values.get("minimum") == 1:
        return "required", {}
    if code == "above_maximum" and _names_size(fault["loc"]):
        return "size_above_maximum", {"maximum_bytes": values["maximum"]}
    return code, values


def _names_size(place: Sequence[str | int]) -> bool:
    return bool(place) and str(place[-1]).endswith("_bytes")


def _plain(value: Any) -> FaultValue:
    return value if isinstance(value, int | str) else str(value)
