"""The envelope of every event: CloudEvents 1.0 on Kafka, binary mode; structured mode is read too.

Source: CloudEvents core specification 1.0.2, its Kafka protocol binding and its JSON event format 1.0.2.
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import from_json

from bmt.contracts.faults import wrong
from bmt.contracts.problems import FieldError, field_errors, listed
from bmt.contracts.values import Moment, one_line

STRUCTURED: Final = "application/cloudevents+json"
_OF_CLOUDEVENTS: Final = "application/cloudevents"
_PREFIX: Final = "ce_"
_CONTENT_TYPE: Final = "content-type"
_TRACEPARENT: Final = "traceparent"

OURS: Final = frozenset({"sequence", "correlationid", "causationid"})
"""The extensions that have a meaning here; an event of another system may use these names for its own."""
_READ: Final = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "dataschema", _TRACEPARENT}
)

_RFC_3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,30})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)

_LONGEST_DETAIL: Final = 1000
"""A record can have a hundred thousand faults, but their description must fit into a dead letter."""

_OWN_ORDER: Final = (
    *("ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "ce_dataschema"),
    *("ce_sequence", "ce_correlationid", "ce_causationid", "content-type", "traceparent"),
)
"""The headers of an event of ours, as `kafka_headers` has them; one that no trace led to ends before the last."""
_OWN_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII).fullmatch
_OWN_SEQUENCE: Final = re.compile(r"[1-9]\d{0,17}", re.ASCII).fullmatch
_OWN_LONGEST: Final = 512

Parse = Callable[[bytes], Any]
"""Reads JSON; raises ValueError."""


def _rfc_3339(value: Any) -> Any:
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise wrong("not_a_time")


def _in_utc(moment: datetime) -> datetime:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        raise wrong("time_out_of_reach") from None
    return moment


def _json_object(value: Any) -> Any:
    if not isinstance(value, dict):
        raise wrong("not_an_object")
    return value


_Attribute = Annotated[
    str, StringConstraints(min_length=1, max_length=512), AfterValidator(one_line)
]


class MalformedEvent(ValueError):  # noqa: N818  named for what is so
    """The record is not a CloudEvent that this project can read. `detail` is the reason, without the data."""

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
    subject: Annotated[str, AfterValidator(one_line)] | None = Field(default=None, max_length=512)
    time: Annotated[Moment, BeforeValidator(_rfc_3339), AfterValidator(_in_utc)] = Field(
        default_factory=lambda: datetime.now(UTC), description="when absent: when it was read"
    )
    dataschema: str | None = None
    sequence: str | None = Field(default=None, pattern=r"^[1-9][0-9]*$", max_length=18)
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    data: Annotated[dict[str, Any], BeforeValidator(_json_object)]

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


@dataclass
class OwnEnvelope:
    """As `Envelope`, of a record exactly as this project writes it.

    Most consumed events are of this kind, and reading them costs a third.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    dataschema: str | None
    sequence: str | None
    correlationid: str | None
    causationid: str | None
    traceparent: str | None
    data: dict[str, Any]
    specversion: str = "1.0"

    def kafka_headers(self) -> list[tuple[str, bytes]]:
        return Envelope.model_construct(**vars(self)).kafka_headers()


def structured(headers: Iterable[tuple[str, bytes]], data: dict[str, Any]) -> bytes:
    """One event in structured mode (JSON event format 1.0.2), of its headers in Kafka and its data."""
    texts = {name.removeprefix(_PREFIX): text.decode() for name, text in headers}
    attributes = {"datacontenttype" if k == _CONTENT_TYPE else k: v for k, v in texts.items()}
    whole = {**attributes, "data": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def read_own(headers: Sequence[tuple[str, bytes]], value: bytes | None) -> OwnEnvelope | None:
    """As `read_kafka`, of a record exactly as we write it; None: it is another kind of record."""
    names = tuple([name for name, _ in headers])
    if names not in (_OWN_ORDER, _OWN_ORDER[:-1]):
        return None
    try:
        texts = [text.decode() for _, text in headers]
        data = from_json(value or b"")
        specversion, id_, source, type_, subject, at, dataschema, sequence, *others = texts
        plain = "".join(texts).isprintable() and max(map(len, texts)) <= _OWN_LONGEST
        if not (plain and all(texts) and isinstance(data, dict)):
            return None
        if not (_OWN_TIME(at) and _OWN_SEQUENCE(sequence)):
            return None
        time = datetime.fromisoformat(at)
    except ValueError:
        return None
    correlationid, causationid, content_type, *trace = others
    if specversion != "1.0" or content_type != "application/json":
        return None
    return OwnEnvelope(
        id_,
        source,
        type_,
        subject,
        time,
        dataschema,
        sequence,
        correlationid,
        causationid,
        trace[0] if trace else None,
        data,
    )


def rfc3339(moment: datetime) -> str:
    """`moment` in UTC with microseconds, as every event writes its times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"


def read_kafka(
    headers: Iterable[tuple[str, bytes]],
    value: bytes | None,
    *,
    parse: Parse = from_json,
    extensions: Collection[str] = OURS,
) -> Envelope:
    """The envelope of a Kafka record, binary or structured mode.

    `extensions` are the CloudEvents extensions that are read; all others are their writer's own. A
    `traceparent` that is no text is left out.

    Raises:
        MalformedEvent: an attribute is missing or wrong, or the data is not a JSON object.
    """
    wanted = _READ.union(extensions)
    attributes, content_type = _texts(headers, wanted)
    media_type = content_type.split(";")[0].strip().lower()
    if media_type.startswith(_OF_CLOUDEVENTS) and media_type != STRUCTURED:
        raise MalformedEvent(
            f"content-type: batches and other event formats are not taken: one event as {STRUCTURED}, "
            "or its attributes as headers"
        )
    if value is None:
        raise MalformedEvent("the record has no value")
    body = _object("the value", value, parse)
    if media_type == STRUCTURED:
        carried = {name: text for name, text in attributes.items() if name == _TRACEPARENT}
        attributes = _structured(body, wanted, parse) | carried
    else:
        attributes["data"] = body
    attributes.setdefault("specversion", None)
    try:
        return Envelope.model_validate(attributes)
    except ValidationError as error:
        faults = [{**fault, "loc": ("event", *fault["loc"])} for fault in error.errors()]
        raise MalformedEvent(listed(field_errors(faults))) from None


def _structured(body: dict[str, Any], wanted: Collection[str], parse: Parse) -> dict[str, Any]:
    """The attributes that are set (null is unset), and the data, which may be written in base64."""
    given = {name: value for name, value in body.items() if value is not None}
    found = {name: value for name, value in given.items() if name in wanted}
    if not isinstance(found.get(_TRACEPARENT, ""), str):
        del found[_TRACEPARENT]
    if "data" in given:
        found["data"] = given["data"]
    if "data_base64" in given:
        if "data" in given:
            raise MalformedEvent("data_base64: not beside data")
        found["data"] = _object("data_base64", _decoded(given["data_base64"]), parse)
    return found


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise MalformedEvent("data_base64: must be text in base64 (RFC 4648)") from None


def _texts(
    headers: Iterable[tuple[str, bytes]], wanted: Collection[str]
) -> tuple[dict[str, Any], str]:
    """The attributes that are read, without their prefix, and the content type; each may be there once."""
    texts: dict[str, str] = {}
    traces: dict[str, str] = {}
    for name, raw in headers:
        header = name.lower()
        attribute = header.removeprefix(_PREFIX)
        if attribute == _TRACEPARENT:
            traces[header] = raw.decode(errors="replace")
        elif header == _CONTENT_TYPE or (header != attribute and attribute in wanted):
            if header in texts:
                raise MalformedEvent(f"header {header} is there twice")
            texts[header] = _text(header, raw)
    content_type = texts.pop(_CONTENT_TYPE, "")
    attributes: dict[str, Any] = {
        header.removeprefix(_PREFIX): text for header, text in texts.items()
    }
    if traces:
        own = traces.get(_TRACEPARENT)
        attributes[_TRACEPARENT] = own or traces.get(_PREFIX + _TRACEPARENT)
    return attributes, content_type


def _text(header: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise MalformedEvent(f"header {header} is not UTF-8") from None


def _object(name: str, text: bytes, parse: Parse) -> dict[str, Any]:
    try:
        body = parse(text)
    except ValueError as error:
        raise MalformedEvent(f"{name} is not JSON that can be read: {error}") from None
    if not isinstance(body, dict):
        raise MalformedEvent(f"{name} is not a JSON object")
    return body
