"""Parked events as MongoDB keeps them."""

from dataclasses import asdict
from typing import Any, Final

from bmt.chassis.parking import Discarding, Parked, Record

_OF_THE_LOT: Final = frozenset({"_id", "lease_until", "calls", "discarding"})
"""What the lot notes for itself."""


def given_up(document: dict[str, Any]) -> dict[str, Any]:
    """As it is kept for ever, under no id of its own.

    The same place may be parked and discarded again, after its topic was read anew.
    """
    event = {name: value for name, value in document.items() if name not in _OF_THE_LOT}
    discarding = Discarding(**document["discarding"])
    return {
        "parked_id": document["_id"],
        **event,
        "discarded_by": discarding.by,
        "discarded_because": discarding.reason,
        "discarded_at": discarding.at,
    }


def is_of(document: dict[str, Any], record: Record) -> bool:
    """Whether this is what stands there: a topic that was made anew has other records at its places."""
    return all(document[name] == value for name, value in _content(record).items())


def document_of(parked: Parked) -> dict[str, Any]:
    """As it is kept in the lot."""
    record = parked.record
    return {
        "_id": parked.id,
        "key": record.key,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        **_content(record),
        "reason": parked.reason,
        "tries": parked.tries,
        "due_at": parked.due_at,
        "parked_at": parked.parked_at,
    }


def _content(record: Record) -> dict[str, Any]:
    return {
        "headers": [[name, value] for name, value in record.headers],
        "value": record.value,
        "raw_key": record.raw_key,
    }


def mark_of(discarding: Discarding) -> dict[str, Any]:
    """As it stands on an event in the lot."""
    return {"discarding": asdict(discarding)}


def parked_of(document: dict[str, Any]) -> Parked:
    """As it was parked."""
    return Parked(
        record=Record(
            topic=document["topic"],
            partition=document["partition"],
            offset=document["offset"],
            key=document["key"],
            headers=tuple((name, value) for name, value in document["headers"]),
            value=document["value"],
            raw_key=document["raw_key"],
        ),
        reason=document["reason"],
        tries=document["tries"],
        due_at=document["due_at"],
        parked_at=document["parked_at"],
        discarding=Discarding(**mark) if (mark := document.get("discarding")) else None,
    )
