"""The problems that a call can be answered with, by name (RFC 9457).

A problem's name is part of the contract: it is the end of `type` (`urn:bmt:problem:<name>`) and
decides the HTTP status. A domain refuses by raising a subclass of `Refused` that carries the name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from bmt.contracts.faults import (
    GENERAL,
    OF_CALLS,
    OF_FIELDS,
    SENTENCES,
    FaultValue,
    Values,
    sentence,
)
from bmt.contracts.values import FORMS

TYPE_PREFIX: Final = "urn:bmt:problem:"
MEDIA_TYPE: Final = "application/problem+json"

STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "unauthenticated": 401,
        "forbidden": 403,
        "own_request": 403,
        "another_person_needed": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "idempotency_key_missing": 400,
        "request_timeout": 408,
        "idempotency_key_reused": 409,
        "already_decided": 409,
        "already_assigned": 409,
        "request_closed": 409,
        "not_for_this_notice": 409,
        "not_disposable": 409,
        "template_changed": 409,
        "rules_changed": 409,
        "not_waiting": 409,
        "validation_failed": 422,
        "channel_not_allowed": 422,
        "warnings_need_reason": 422,
        "quota_exceeds_maximum": 422,
        "document_unknown": 422,
        "account_of_other_agency": 422,
        "too_large": 413,
        "unsupported_media_type": 415,
        "too_many_requests": 429,
        "headers_too_large": 431,
        "internal": 500,
        "unavailable": 503,
    }
)
"""The HTTP status of each problem."""

TITLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unauthenticated": "A valid bearer token is needed",
        "forbidden": "The token's role does not allow this",
        "own_request": "Nobody decides on their own request",
        "another_person_needed": "Another person must approve this",
        "not_found": "There is no such thing here",
        "method_not_allowed": "This address does not answer that method",
        "request_timeout": "The call took too long to arrive",
        "idempotency_key_missing": "The header Idempotency-Key is needed",
        "idempotency_key_reused": "The Idempotency-Key was used for another call",
        "already_decided": "The request was decided before",
        "already_assigned": "Somebody else has taken this",
        "request_closed": "The request is closed",
        "not_for_this_notice": "This cannot be done with this notice",
        "not_disposable": "Files must keep this data for now",
        "template_changed": "Somebody saved this template meanwhile",
        "rules_changed": "The rules are not those that were read before",
        "not_waiting": "This does not wait for an operator any more",
        "validation_failed": "Some fields are not as they should be",
        "channel_not_allowed": "The agency does not use this channel",
        "warnings_need_reason": "The warnings need a reason before this can be approved",
        "quota_exceeds_maximum": "The quota is above the agency's maximum",
        "document_unknown": "A document named here was never stored, or is not yours to name",
        "account_of_other_agency": "The account belongs to another agency",
        "too_large": "The body is too large",
        "unsupported_media_type": "This kind of body is not read here",
        "too_many_requests": "One caller makes too many calls",
        "headers_too_large": "Address and headers are too large",
        "internal": "Something went wrong here",
        "unavailable": "A part that this call needs cannot be reached",
    }
)
"""The title of each problem: one sentence, the same every time."""


def is_empty(value: object) -> bool:
    """Whether there are no values to tell."""
    return not value


def code_sentences(codes: Mapping[str, str]) -> str:
    """These codes with their sentences, for a description."""
    return "; ".join(f"`{code}`: {text}" for code, text in codes.items())


class FieldError(BaseModel):
    """One wrong field: where it is, and what is allowed there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pointer: str = Field(
        description="RFC 6901 pointer into the body (`/applicant/email`); a parameter is named by "
        "its place first: `/query/limit`, `/path/id`, `/header/idempotency-key`.",
        examples=["/applicant/email"],
    )
    detail: str = Field(description="What is allowed there. Never the value that was sent.")
    code: str = Field(
        default=GENERAL,
        description="What is wrong, under a name that keeps its meaning; later versions may have more. "
        + code_sentences(OF_FIELDS),
        examples=["too_long"],
    )
    values: Mapping[str, FaultValue] = Field(
        default_factory=dict,
        exclude_if=is_empty,
        description="What stands in the places of the code's sentence; absent where it has none.",
        examples=[{"maximum": 200}],
    )

    @classmethod
    def of(cls, pointer: str, code: str, **values: FaultValue) -> "FieldError":
        """The fault of this code, with its sentence in English."""
        return cls(pointer=pointer, code=code, detail=sentence(code, values), values=values)


_LONGEST: Final = 1000
"""A record can have a hundred faults, but their description must fit into a dead letter."""


def listed(errors: Iterable[FieldError]) -> str:
    """All of them on one line, each with its code: `/applicant/email: This is needed. (required)`."""
    one_by_one = (f"{error.pointer}: {error.detail} ({error.code})" for error in errors)
    return "; ".join(each.removeprefix(": ") for each in one_by_one)[:_LONGEST]


class Problem(BaseModel):
    """The body of every answer that is not a success; a problem may add members of its own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str = Field(examples=["urn:bmt:problem:validation_failed"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    code: str | None = Field(
        default=None,
        description="What lies behind the problem, more exactly than `type` says it; absent where nothing "
        "more is to be said. "
        + code_sentences({code: text for code, text in OF_CALLS.items() if code not in STATUS}),
        examples=["task_finished"],
    )
    instance: str | None = Field(
        default=None,
        description="This occurrence: the call's trace, as the logs name it.",
        examples=["urn:bmt:trace:0af7651916cd43dd8448eb211c80319c"],
    )
    errors: tuple[FieldError, ...] = Field(
        default=(), description="All wrong fields at once; absent when no field is wrong."
    )


class Refused(Exception):  # noqa: N818  a refusal is an answer of the domain, not an error
    """The thing asked for is not done, for a reason that has a name in the contract.

    Subclasses name what went wrong and set `problem`; raising `Refused` itself with `problem=` is
    for what is read back from a record.

    Attributes:
        problem: name of the problem, a key of `STATUS`.
        code: what lies behind it, a code of `faults`; empty where the problem's name says it all.
        detail: what happened and what to do, for a reader; no personal data.
        extra: further members of the problem, for example the first decision.
        errors: the wrong fields, all at once.
        replayed: true when this refusal was recorded before and is only given again.
    """

    problem: str = "validation_failed"
    code: str = ""

    def __init__(
        self,
        detail: str = "",
        *,
        problem: str | None = None,
        values: Mapping[str, FaultValue] | None = None,
        extra: Mapping[str, JsonValue] | None = None,
        errors: tuple[FieldError, ...] = (),
        replayed: bool = False,
    ) -> None:
        """Takes the detail; an empty one becomes the code's sentence, or the problem's title.

        The code and its `values` are members of the problem, so a refusal that is recorded keeps them.
        """
        if problem is not None:
            self.problem = problem
        more: dict[str, JsonValue] = {"code": self.code} if self.code else {}
        if values:
            more["values"] = {name: _written(value) for name, value in values.items()}
        self.extra: Mapping[str, JsonValue] = {**more, **(extra or {})}
        self.detail = (
            detail or (sentence(self.code, values) if self.code else "") or TITLE[self.problem]
        )
        self.errors = errors
        self.replayed = replayed
        super().__init__(self.detail)

    @property
    def status(self) -> int:
        """The HTTP status of this problem."""
        return STATUS[self.problem]


def _written(value: FaultValue) -> JsonValue:
    return list(value) if isinstance(value, tuple) else value


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
            "timezone_aware",
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
    errors = tuple(_error(fault, body) for fault in faults[:MOST_ERRORS])
    more = len(faults) - len(errors)
    return (*errors, FieldError.of("", "more_faults", count=more)) if more else errors


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
    part, *rest = fault["loc"] or ("body",)
    if part == "body":
        return pointer(_path_in(body, rest, missing=fault["type"] == "missing"))
    # Elsewhere a parameter is one value: what follows its name are tags of unions.
    return pointer((part, *rest[:1]))


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
    sent = fault.get("input") if fault["type"] not in CODES else None
    # pydantic's sentences are made of the constraint: `mail` may stand there, in the `email` that is allowed.
    if isinstance(sent, str) and len(sent) >= _SHORTEST_TELLTALE and sent in error.detail:
        return FieldError.of(error.pointer, GENERAL)
    return error


def _code(fault: Mapping[str, Any]) -> tuple[str, Values]:
    """The code of a fault, with its values."""
    kind, context = str(fault["type"]), fault.get("ctx") or {}
    if kind not in CODES:
        return (kind, context) if kind in SENTENCES else (GENERAL, {})
    # A length that pydantic checks after a validator of ours does not say that it is text's.
    is_text = kind in ("too_long", "too_short") and isinstance(fault.get("input"), str)
    code = kind if is_text else CODES[kind]
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
