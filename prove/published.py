"""An event as the auditor reads it from a raw Kafka record, by its own few lines.

Source: CloudEvents 1.0, Kafka protocol binding, binary mode; the services publish no other.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prove.evidence import Record


@dataclass(frozen=True, slots=True)
class Said:
    """One published event: what it is, about which request, and why it was said.

    Attributes:
        service: the last part of `ce_source`.
        name: the type without its prefix and version, as in `RequestReceived`.
        sequence: 0 where there is none.
        cause: `ce_causationid`.
    """

    record: Record
    id: str
    service: str
    name: str
    request_id: str
    sequence: int
    time: str
    cause: str
    data: Mapping[str, Any]

    @property
    def request(self) -> Mapping[str, Any]:
        """The request's facts."""
        facts: Mapping[str, Any] = self.data.get("request") or {}
        return facts

    @property
    def account(self) -> str:
        """The applicant's, without regard to case, as IPMS compares it."""
        return str((self.request.get("applicant") or {}).get("account", "")).casefold()

    def same_as(self, other: "Said") -> bool:
        """Whether it says the same, wherever it lies in the topic."""
        return self.meaning == other.meaning

    @property
    def meaning(self) -> tuple[object, ...]:
        """Everything but the place."""
        named = (self.id, self.service, self.name, self.request_id, self.sequence, self.cause)
        return (*named, self.data)


def short(type_: str) -> str:
    """`my.gov.bmt.Approved.v1` is `Approved`."""
    parts = type_.split(".")
    return parts[-2] if len(parts) > 1 else type_


def said(record: Record) -> Said | None:
    """The event of a record; None where it is none."""
    sequence = record.header("ce_sequence") or "0"
    try:
        data = json.loads(record.value or b"")
    except ValueError:
        return None
    if not isinstance(data, dict) or not record.header("ce_id") or not sequence.isdigit():
        return None
    return Said(
        record=record,
        id=record.header("ce_id") or "",
        service=(record.header("ce_source") or "").rpartition("/")[2],
        name=short(record.header("ce_type") or ""),
        request_id=record.header("ce_subject") or "",
        sequence=int(sequence),
        time=record.header("ce_time") or "",
        cause=record.header("ce_causationid") or "",
        data=data,
    )
