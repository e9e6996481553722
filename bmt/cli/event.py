"""What a record's envelope says, as far as it can be read."""

from collections.abc import Iterable

from bmt.contracts.envelope import MalformedEvent, read_kafka


def event_type(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> str | None:
    """The event's type, also of one that is otherwise unreadable; None where nothing tells it."""
    named = list(headers)
    try:
        return read_kafka(named, value).type
    except MalformedEvent:
        said = dict(named).get("ce_type")
        return said.decode(errors="replace") if said is not None else None
