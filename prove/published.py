"""Reads an event from a raw Kafka record, without the services' code.

Source: CloudEvents 1.0, Kafka protocol binding, binary mode; the services publish no other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bmt.contracts.progress import OUTCOMES
from prove.evidence import Record


@dataclass(frozen=True, slots=True)
class Said:
    """One published event.

    Attributes:
        service: the last part of `ce_source`.
        name: the type without its prefix and version, as in `RequestReceived`.
        sequence: 0 if there is none.
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
        facts: Mapping[str, Any] = self.data.get("request") or {}
        return facts

    @property
    def account(self) -> str:
        """The applicant's account in lower case, as IPMS compares it."""
        return str((self.request.get("applicant") or {}).get("account", "")).casefold()

    def same_as(self, other: "Said") -> bool:
        return self.meaning == other.meaning

    @property
    def meaning(self) -> tuple[object, ...]:
        """Everything but the place in the topic."""
        named = (self.id, self.service, self.name, self.request_id, self.sequence, self.cause)
        return (*named, self.data)


def short(type_: str) -> str:
    """`my.gov.bmt.Approved.v1` is `Approved`."""
    parts = type_.split(".")
    return parts[-2] if len(parts) > 1 else type_


def said(record: Record) -> Said | None:
    """The event of a record; None if it is none."""
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


_DECIDED: Final = {"Approved": "approved", "Rejected": "rejected", "Withdrawn": "withdrawn"}
_CONFIGURED: Final = {
    "ConfigurationStarted": "configuring",
    "AwaitingOperator": "awaiting_operator",
    "Configured": "configured",
    "ConfigurationFailed": "configuration_failed",
}


def standing(events: Sequence[Said]) -> str:
    """The status after `events`, each service's in its own order."""
    names = [each.name for each in events]
    if "Filed" in names:
        return "filed"
    if any(each.name == "Notified" and each.data.get("about") in OUTCOMES for each in events):
        return "notified"
    for table in (_CONFIGURED, _DECIDED):
        reached = [table[name] for name in names if name in table]
        if reached:
            return reached[-1]
    returned = names.count("ReturnedForCorrection")
    return "returned" if returned and returned >= asked_for(events) else "received"


def asked_for(events: Sequence[Said]) -> int:
    """How often it was received: once, and for each correction that was asked for."""
    return sum(
        each.name == "RequestReceived" and not each.data.get("while_open") for each in events
    )
