"""What is told of a parked event: nothing of what it holds, which may be personal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bmt.chassis.messaging.parking import QUEUED_BEHIND, Parked
from bmt.cli import place
from bmt.cli.event import event_type
from bmt.cli.shown import counted, moment, one_line, request_id
from bmt.contracts.envelope import rfc3339

OPERATOR: Final = "operator"
EARLIER: Final = "earlier_event"
NEXT_TRY: Final = "next_try"
LEAVING: Final = "leaving"


@dataclass(frozen=True)
class Waiting:
    """One event in the lot of one service."""

    service: str
    parked: Parked

    @property
    def id(self) -> str:
        """Its place in Kafka; the same event may wait in the lots of several services."""
        return place.of(self.parked.record)

    @property
    def type(self) -> str | None:
        """As its envelope says; what waits for its turn was never read."""
        return event_type(self.parked.record.headers, self.parked.record.value)

    @property
    def request_id(self) -> str | None:
        """None where its key is no request's id."""
        return request_id(self.parked.record.raw_key)

    @property
    def waits_for(self) -> str:
        """An operator, its next try, an earlier event of the same request, or, discarded, its service."""
        if self.parked.discarding:
            return LEAVING
        if self.parked.reason == QUEUED_BEHIND:
            return EARLIER
        return OPERATOR if self.parked.due_at is None else NEXT_TRY


def document(waiting: Sequence[Waiting], total: int) -> Mapping[str, Any]:
    """For machines."""
    return {"items": [_item(each) for each in waiting], "total": total}


def _item(each: Waiting) -> Mapping[str, Any]:
    parked = each.parked
    return {
        "id": each.id,
        "service": each.service,
        "type": each.type,
        "request_id": each.request_id,
        "reason": parked.reason,
        "tries": parked.tries,
        "parked_at": rfc3339(parked.parked_at),
        "waits_for": each.waits_for,
        "due_at": rfc3339(parked.due_at) if parked.due_at else None,
    }


def lines(waiting: Sequence[Waiting], total: int) -> list[str]:
    """For people."""
    listed = [line for each in waiting for line in _lines(each)]
    shown = f" (the oldest {len(waiting)} shown)" if len(waiting) < total else ""
    return [*listed, f"{counted(total, 'event')} parked{shown}"]


def _lines(each: Waiting) -> Iterable[str]:
    parked = each.parked
    yield f"{each.id}  in {each.service}"
    yield f"    {one_line(each.type or 'of unknown type')}, request {each.request_id or 'unknown'}"
    tries = f"{parked.tries} tries" if parked.tries != 1 else "1 try"
    yield f"    {parked.reason}; {tries}, since {moment(parked.parked_at)}; waits for {_for(each)}"


def _for(each: Waiting) -> str:
    if each.waits_for == EARLIER:
        return "its turn"
    if each.waits_for == LEAVING:
        return "its service, which takes it out: it was discarded"
    due = each.parked.due_at
    return "an operator" if due is None else f"its next try, due {moment(due)}"
