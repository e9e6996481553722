"""A record's place in Kafka, as an operator writes it: `topic:partition:offset`."""

import re

from bmt.chassis.messaging.parking import Record

_PLACE = re.compile(
    r"(?P<topic>[A-Za-z0-9._-]+):(?P<partition>[0-9]{1,10}):(?P<offset>[0-9]{1,20})"
)


def written(topic: str, partition: int, offset: int) -> str:
    """The place as it is shown."""
    return f"{topic}:{partition}:{offset}"


def of(record: Record) -> str:
    """The place of a record as it is shown."""
    return written(record.topic, record.partition, record.offset)


def read(text: str) -> str:
    """A place that an operator gave, as it is shown; any other text as it is."""
    if not (found := _PLACE.fullmatch(text)):
        return text
    return written(found["topic"], int(found["partition"]), int(found["offset"]))


def stored(text: str) -> str:
    """The same as the parking lot knows it (`Record.place`); any other text as it is."""
    if not (found := _PLACE.fullmatch(text)):
        return text
    return Record(found["topic"], int(found["partition"]), int(found["offset"]), "", (), None).place
