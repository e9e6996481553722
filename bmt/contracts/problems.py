"""The problems that a call can be answered with, by name (RFC 9457).

A problem's name is part of the contract: it is the end of `type` (`urn:bmt:problem:<name>`) and
decides the HTTP status. A domain refuses by raising a subclass of `Refused` that carries the name.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from bmt.contracts.faults import GENERAL, OF_CALLS, OF_FIELDS, FaultValue, sentence

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


def codes_told(codes: Mapping[str, str]) -> str:
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
        + codes_told(OF_FIELDS),
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
        + codes_told({code: text for code, text in OF_CALLS.items() if code not in STATUS}),
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
