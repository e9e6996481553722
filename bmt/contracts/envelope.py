"""The envelope of every event: CloudEvents 1.0 on Kafka, binary mode; structured mode is read too.

Source: CloudEvents core specification 1.0.2 and its Kafka protocol binding 1.0.2.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import from_json

from bmt.contracts.problems import FieldError
from bmt.contracts.values import Moment

STRUCTURED: Final = "application/cloudevents+json"
_PREFIX: Final = "ce_"
_READ: Final = frozenset({"content-type", "traceparent"})

_LONGEST_DETAIL: Final = 1000
"""A record can be wrong in a hundred thousand places; what is told of it must fit beside it."""

_Attribute = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class MalformedEvent(ValueError):  # noqa: N818  named for what is so
    """The record is not a CloudEvent that this project can read; `detail` says why, without the data."""

    def __init__(self, detail: str, errors: tuple[FieldError, ...] = ()) -> None:
        """`errors` are the fields of the data that are wrong."""
        self.detail = detail[:_LONGEST_DETAIL]
        self.errors = errors
        super().__init__(self.detail)


class Envelope(BaseModel):
    """One event as it travels: what it is about, and its data."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    specversion: Literal["1.0"] = "1.0"
    id: _Attribute
    source: _Attribute
    type: _Attribute
    subject: str | None = Field(default=None, max_length=512)
    time: Moment = Field(
        default_factory=lambda: datetime.now(UTC), description="when absent: when it was read"
    )
    dataschema: str | None = None
    sequence: str | None = Field(default=None, pattern=r"^[1-9][0-9]*$", max_length=18)
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    data: dict[str, Any]

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        """The attributes as Kafka headers, binary mode; the record's value is the data alone."""
        attributes = (
            ("ce_specversion", self.specversion),
            ("ce_id", self.id),
            ("ce_source", self.source),
            ("ce_type", self.type),
            ("ce_subject", self.subject),
            ("ce_time", rfc3339(self.time)),
            ("ce_dataschema", self.dataschema),
            ("ce_sequence", self.sequence),
            ("ce_correlationid", self.correlationid),
            ("ce_causationid", self.causationid),
            ("content-type", "application/json"),
            ("traceparent", self.traceparent),
        )
        return [(name, value.encode()) for name, value in attributes if value is not None]


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC with microseconds, as every event writes its times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def read_kafka(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> Envelope:
    """The envelope of a Kafka record, binary or structured mode.

    Raises:
        MalformedEvent: an attribute is missing or wrong, or the data is not a JSON object.
    """
    attributes, others = _texts(headers)
    if value is None:
        raise MalformedEvent("the record has no value")
    body = _json_object(value)
    if others.get("content-type", "").split(";")[0].strip().lower() == STRUCTURED:
        attributes = body
    else:
        attributes["data"] = body
    if "traceparent" in others:
        attributes["traceparent"] = others["traceparent"]
    try:
        return Envelope.model_validate(attributes)
    except ValidationError as error:
        raise MalformedEvent(faults(error)) from None


def faults(error: ValidationError) -> str:
    """What is wrong with which field, without the values: they may be personal."""
    return "; ".join(
        f"{'.'.join(str(part) for part in fault['loc']) or 'event'}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_input=False, include_context=False)
    )


def _texts(headers: Iterable[tuple[str, bytes]]) -> tuple[dict[str, Any], dict[str, str]]:
    """The attributes without their prefix, and the other headers that are read."""
    attributes: dict[str, Any] = {}
    others: dict[str, str] = {}
    for name, raw in headers:
        lowered = name.lower()
        try:
            if lowered.startswith(_PREFIX):
                attributes[lowered[len(_PREFIX) :]] = raw.decode()
            elif lowered in _READ:
                others[lowered] = raw.decode()
        except UnicodeDecodeError:
            raise MalformedEvent(f"header {lowered} is not UTF-8") from None
    return attributes, others


def _json_object(value: bytes) -> dict[str, Any]:
    try:
        body = from_json(value)
    except ValueError:
        raise MalformedEvent("the value is not JSON") from None
    if not isinstance(body, dict):
        raise MalformedEvent("the value is not a JSON object")
    return body
