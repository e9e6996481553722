"""What operators see of a record: its place in Kafka, its type and its request, and nothing else of its content."""

import re
from collections.abc import Iterable
from typing import Final
from uuid import UUID

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

_PLACE: Final = re.compile(
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


def request_id(key: bytes | None) -> str | None:
    """The request's id in the key. Other keys may be personal, such as an account."""
    try:
        return str(UUID((key or b"").decode("ascii")))
    except ValueError:
        return None
