"""The parking lots of all services as one. Content of events is never shown: it may be personal."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bmt.chassis.messaging import parking
from bmt.chassis.messaging.operations import Operations
from bmt.chassis.messaging.parking import Order, Parked, WaitsFor
from bmt.chassis.runtime.mongodb import Client
from bmt.cli.outcome import NotSo
from bmt.cli.shown import counted, moment, one_line
from bmt.contracts.envelope import rfc3339
from bmt.contracts.problems import Refused

OPERATOR: Final = "operator"
NEXT_TRY: Final = "next_try"


@dataclass(frozen=True)
class Waiting:
    """One event in the lot of one service."""

    service: str
    parked: Parked

    @property
    def id(self) -> str:
        """Its place in Kafka; several lots may hold the same event."""
        return self.parked.beside or parking.written_place(self.parked.record)

    @property
    def type(self) -> str | None:
        return parking.event_type(self.parked.record.headers, self.parked.record.value)

    @property
    def request_id(self) -> str | None:
        """None if the key is no request's id."""
        return parking.request_id(self.parked.record.raw_key)

    @property
    def waits_for(self) -> WaitsFor:
        return self.parked.waits_for


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
    if each.waits_for == "earlier_event":
        return "its turn"
    if each.waits_for == "leaving":
        return "its service, which takes it out: it was discarded"
    due = each.parked.due_at
    return "an operator" if due is None else f"its next try, due {moment(due)}"


class SeveralLots(Exception):  # noqa: N818 - named for what is so
    """Several lots hold the event, and no service was named."""


class Lots:
    """The parking lots of some services, by the service's name."""

    def __init__(self, lots: Mapping[str, Operations]) -> None:
        self._lots = lots

    @classmethod
    def of(cls, client: Client, database_prefix: str, services: Sequence[str]) -> "Lots":
        """The lots in the services' databases."""
        return cls({name: Operations(client[f"{database_prefix}{name}"]) for name in services})

    async def listed(self, limit: int) -> tuple[list[Waiting], int]:
        """The oldest parked events, and how many there are in all."""
        lots = {name: each.lot for name, each in self._lots.items()}
        waiting = [
            [Waiting(service, parked) for parked in await lot.list(limit)]
            for service, lot in lots.items()
        ]
        oldest = heapq.merge(*waiting, key=lambda each: (each.parked.parked_at, each.parked.id))
        return list(oldest)[:limit], sum([await lot.size() for lot in lots.values()])

    async def retry(self, ids: Sequence[str], by: str, now: datetime) -> int:
        """Make these events due, in every lot that holds them.

        An event behind an earlier one of its request still waits its turn.

        Raises:
            NotSo: one is in no lot (then none was made due), or was discarded.
        """
        found = [(name, id_) for id_ in _once(ids) for name in await self._holding(id_)]
        for name, id_ in found:
            try:
                await self._lots[name].retry(id_, Order(by, now))
            except Refused:
                raise NotSo(
                    f"{id_} leaves the lot of {name}: it was handled or discarded"
                ) from None
        return len(found)

    async def retry_all(self, by: str, now: datetime) -> int:
        """Make every event due that waits for an operator."""
        return sum([await lot.retry_all(Order(by, now)) for lot in self._lots.values()])

    async def discard(self, ids: Sequence[str], reason: str, by: str, now: datetime) -> int:
        """Give these events up: their services move them, whole, to the collection `discarded`.

        Raises:
            NotSo: one is in no lot (then none was discarded), was discarded before, or is being tried now.
            SeveralLots: several lots hold one.
        """
        found = [(await self._only_holding(id_), id_) for id_ in _once(ids)]
        for name, id_ in found:
            try:
                await self._lots[name].discard(id_, Order(by, now, reason))
            except Refused:
                raise NotSo(
                    f"{id_} is being tried by {name} this moment, or was discarded before: look again in a minute"
                ) from None
        return len(found)

    async def _holding(self, id_: str) -> list[str]:
        place = parking.stored_place(id_)
        names = [name for name, each in self._lots.items() if await each.lot.find(place)]
        if not names:
            raise NotSo(f"no parked event is called {id_}: `bmt parked list` names them")
        return names

    async def _only_holding(self, id_: str) -> str:
        name, *others = await self._holding(id_)
        if others:
            raise SeveralLots(f"{id_} waits in {name} and {', '.join(others)}: say which")
        return name


def _once(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(parking.read_place(id_) for id_ in ids))
