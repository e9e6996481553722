"""Reading records and their places, and printing text or JSON."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import typer

from bmt.chassis.messaging.parking import Record
from bmt.contracts.envelope import MalformedEvent, read_kafka


def event_type(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> str | None:
    """The event's type, even if the event is malformed; None: unknown."""
    named = list(headers)
    try:
        return read_kafka(named, value).type
    except MalformedEvent:
        said = dict(named).get("ce_type")
        return said.decode(errors="replace") if said is not None else None


# A record's place in Kafka is written `topic:partition:offset`.

_PLACE = re.compile(
    r"(?P<topic>[A-Za-z0-9._-]+):(?P<partition>[0-9]{1,10}):(?P<offset>[0-9]{1,20})"
)


def written(topic: str, partition: int, offset: int) -> str:
    """The place in the form that operators see."""
    return f"{topic}:{partition}:{offset}"


def of(record: Record) -> str:
    """The place of a record."""
    return written(record.topic, record.partition, record.offset)


def read(text: str) -> str:
    """A place in its usual form; other text unchanged."""
    if not (found := _PLACE.fullmatch(text)):
        return text
    return written(found["topic"], int(found["partition"]), int(found["offset"]))


def stored(text: str) -> str:
    """The place in the parking lot's form (`Record.place`); other text unchanged."""
    if not (found := _PLACE.fullmatch(text)):
        return text
    return Record(found["topic"], int(found["partition"]), int(found["offset"]), "", (), None).place


_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


def show(document: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print one of the two."""
    typer.echo(json.dumps(document, indent=2) if as_json else "\n".join(lines))


def harmless(text: str) -> str:
    """An outsider's text without characters that move the cursor or reverse the text."""
    return _NOT_SHOWN.sub("\N{REPLACEMENT CHARACTER}", text)


def one_line(text: str) -> str:
    """As `harmless`, without line breaks and tabs."""
    return " ".join(harmless(text).split())


def moment(at: datetime) -> str:
    """To the second, UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def request_id(key: bytes | None) -> str | None:
    """The request's id in the key. Other keys may be personal, such as an account."""
    try:
        return str(UUID((key or b"").decode("ascii")))
    except ValueError:
        return None
