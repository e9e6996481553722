"""The parking lots of all services as one. Content of events is never shown: it may be personal."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.chassis.messaging.parking import (
    PARKED,
    QUEUED_BEHIND,
    Discarding,
    Parked,
    ParkingLot,
)
from bmt.chassis.runtime.mongodb import Client
from bmt.cli import shown
from bmt.cli.outcome import NotSo
from bmt.cli.shown import counted, event_type, moment, one_line, request_id
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
        """Its place in Kafka; several lots may hold the same event."""
        return shown.of(self.parked.record)

    @property
    def type(self) -> str | None:
        return event_type(self.parked.record.headers, self.parked.record.value)

    @property
    def request_id(self) -> str | None:
        """None if the key is no request's id."""
        return request_id(self.parked.record.raw_key)

    @property
    def waits_for(self) -> str:
        if self.parked.discarding:
            return LEAVING
        if self.parked.reason == QUEUED_BEHIND:
            return EARLIER
        return OPERATOR if self.parked.due_at is None else NEXT_TRY


def document(waiting: Sequence[Waiting], total: int) -> Mapping[str, Any]:
    """JSON."""
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
    """Text."""
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


class SeveralLots(Exception):  # noqa: N818 - named for what is so
    """Several lots hold the event, and no service was named."""


class Lots:
    """The parking lots of some services, by the service's name."""

    def __init__(self, lots: Mapping[str, ParkingLot]) -> None:
        self._lots = lots

    @classmethod
    def of(cls, client: Client, database_prefix: str, services: Sequence[str]) -> "Lots":
        """The lots in the services' databases."""
        databases = {service: client[f"{database_prefix}{service}"] for service in services}
        return cls({name: ParkingLot(each[PARKED]) for name, each in databases.items()})

    async def listed(self, limit: int) -> tuple[list[Waiting], int]:
        """The oldest parked events, and how many there are in all."""
        waiting = [
            [Waiting(service, parked) for parked in await lot.list(limit)]
            for service, lot in self._lots.items()
        ]
        oldest = heapq.merge(*waiting, key=lambda each: (each.parked.parked_at, each.parked.id))
        return list(oldest)[:limit], sum([await lot.size() for lot in self._lots.values()])

    async def retry(self, ids: Sequence[str], now: datetime) -> int:
        """Make these events due, in every lot that holds them.

        An event behind an earlier one of its request still waits its turn.

        Raises:
            NotSo: one is in no lot (then none was made due), or was discarded.
        """
        found = [(name, id_) for id_ in _once(ids) for name in await self._holding(id_)]
        for name, id_ in found:
            if not await self._lots[name].retry(shown.stored(id_), now):
                raise NotSo(f"{id_} leaves the lot of {name}: it was handled or discarded")
        return len(found)

    async def retry_all(self, now: datetime) -> int:
        """Make every event due that waits for an operator."""
        return sum([await lot.retry_all(now) for lot in self._lots.values()])

    async def discard(self, ids: Sequence[str], discarding: Discarding) -> int:
        """Give these events up: their services move them, whole, to the collection `discarded`.

        Raises:
            NotSo: one is in no lot (then none was discarded), was discarded before, or is being tried now.
            SeveralLots: several lots hold one.
        """
        found = [(await self._only_holding(id_), id_) for id_ in _once(ids)]
        for name, id_ in found:
            if not await self._lots[name].discard(shown.stored(id_), discarding):
                raise NotSo(
                    f"{id_} is being tried by {name} this moment, or was discarded before: look again in a minute"
                )
        return len(found)

    async def _holding(self, id_: str) -> list[str]:
        lots = self._lots.items()
        names = [name for name, lot in lots if await lot.find(shown.stored(id_)) is not None]
        if not names:
            raise NotSo(f"no parked event is called {id_}: `bmt parked list` names them")
        return names

    async def _only_holding(self, id_: str) -> str:
        name, *others = await self._holding(id_)
        if others:
            raise SeveralLots(f"{id_} waits in {name} and {', '.join(others)}: say which")
        return name


def _once(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(shown.read(id_) for id_ in ids))
