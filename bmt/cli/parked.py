"""`bmt parked`: list, retry and discard events whose handling failed. Their content is never shown: it may be personal."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bmt.chassis.messaging import parking
from bmt.chassis.messaging.operations import Operations
from bmt.chassis.messaging.parking import Order, Parked, WaitsFor
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import Client
from bmt.cli import connections
from bmt.cli.command_line import (
    DEFAULT_DATA,
    AsJson,
    By,
    Data,
    Limit,
    NotSo,
    Reason,
    counted,
    known_service,
    moment,
    one_line,
    show,
)
from bmt.cli.connections import mongodb_client, silenced
from bmt.contracts.problems import Refused
from bmt.contracts.topics import WRITERS

app = typer.Typer(help="Events whose handling failed.", no_args_is_help=True)


Service = Annotated[
    str | None,
    typer.Option(
        "--service", metavar="NAME", callback=known_service, help="In this service's lot alone."
    ),
]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="As `list` names them.")]
SomeIds = Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `list` names them.")]
All = Annotated[bool, typer.Option("--all", help="Every event that waits for an operator.")]


@app.command("list")
def list_(
    service: Service = None,
    limit: Limit = 50,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Show what waits, the oldest first, and what for."""
    waiting, total = asyncio.run(_with_lots(data, service, lambda lots: lots.listed(limit)))
    show(document(waiting, total), lines(waiting, total), as_json=as_json)


@app.command()
def retry(
    by: By,
    ids: SomeIds = None,
    everything: All = False,
    service: Service = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Let the service try again, with all its tries; a request's events keep their order."""
    if bool(ids) == everything:
        raise typer.BadParameter("name events or say --all")

    def act(lots: "Lots") -> Awaitable[int]:
        now = clock.now()
        return lots.retry_all(by, now) if everything else lots.retry(ids or (), by, now)

    _show_done("retried", asyncio.run(_with_lots(data, service, act)), as_json=as_json)


@app.command()
def discard(
    ids: Ids,
    reason: Reason,
    by: By,
    service: Service = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Give events up: their services take them out of the lot, and their requests go on without them.

    Who, when and why is kept with each. An integrator's submission is answered: it was refused.
    """
    discarded = _with_lots(data, service, lambda lots: lots.discard(ids, reason, by, clock.now()))
    _show_done("discarded", asyncio.run(discarded), as_json=as_json)


def _show_done(done: str, number: int, *, as_json: bool) -> None:
    show({done: number}, [f"{counted(number, 'event')} {done}"], as_json=as_json)


async def _with_lots(
    data: Path, service: str | None, act: Callable[["Lots"], Awaitable[Any]]
) -> Any:
    address = connections.mongodb(data)
    services: Sequence[str] = [service] if service else list(WRITERS.values())
    async with mongodb_client(address) as client:
        with silenced():
            return await act(Lots(client, address.prefix, services))


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
        "parked_at": parked.parked_at,
        "waits_for": each.waits_for,
        "due_at": parked.due_at,
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


class Lots:
    """The parking lots of some services, by the service's name."""

    def __init__(self, client: Client, database_prefix: str, services: Sequence[str]) -> None:
        self._lots = {name: Operations(client[f"{database_prefix}{name}"]) for name in services}

    async def listed(self, limit: int) -> tuple[list[Waiting], int]:
        """The oldest parked events, and how many there are in all."""
        waiting = [
            Waiting(service, parked)
            for service, each in self._lots.items()
            for parked in await each.lot.list(limit)
        ]
        waiting.sort(key=lambda each: (each.parked.parked_at, each.parked.id))
        return waiting[:limit], sum([await each.lot.size() for each in self._lots.values()])

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
            BadParameter: several lots hold one, and no service was named.
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
            message = f"{id_} waits in {name} and {', '.join(others)}: say which"
            raise typer.BadParameter(message, param_hint="--service")
        return name


def _once(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(parking.read_place(id_) for id_ in ids))
