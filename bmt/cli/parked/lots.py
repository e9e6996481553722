"""The parking lots of all services, as one."""

import heapq
from collections.abc import Mapping, Sequence
from datetime import datetime

from bmt.chassis.messaging.mongo_parking_lot import PARKED, MongoParkingLot
from bmt.chassis.messaging.parking import Discarding, ParkingLot
from bmt.chassis.runtime.mongodb import Client
from bmt.cli import place
from bmt.cli.outcome import NotSo
from bmt.cli.parked.listing import Waiting


class SeveralLots(Exception):  # noqa: N818 - named for what is so
    """An event waits in several lots, and it was not said which is meant."""


class Lots:
    """What waits in the lots of some services, and what is done about it."""

    def __init__(self, lots: Mapping[str, ParkingLot]) -> None:
        """By the name of the service."""
        self._lots = lots

    @classmethod
    def of(cls, client: Client, database_prefix: str, services: Sequence[str]) -> "Lots":
        """Those in the services' own databases."""
        databases = {service: client[f"{database_prefix}{service}"] for service in services}
        return cls({name: MongoParkingLot(each[PARKED]) for name, each in databases.items()})

    async def listed(self, limit: int) -> tuple[list[Waiting], int]:
        """What waits, the oldest first, and how many there are in all."""
        waiting = [
            [Waiting(service, parked) for parked in await lot.list(limit)]
            for service, lot in self._lots.items()
        ]
        oldest = heapq.merge(*waiting, key=lambda each: (each.parked.parked_at, each.parked.id))
        return list(oldest)[:limit], sum([await lot.size() for lot in self._lots.values()])

    async def retry(self, ids: Sequence[str], now: datetime) -> int:
        """Make these events due, in every lot where they wait.

        An event that has an earlier one of its request before it still waits its turn.

        Raises:
            NotSo: one is in no lot (then none was made due), or was discarded.
        """
        found = [(name, id_) for id_ in _once(ids) for name in await self._holding(id_)]
        for name, id_ in found:
            if not await self._lots[name].retry(place.stored(id_), now):
                raise NotSo(f"{id_} leaves the lot of {name}: it was handled or discarded")
        return len(found)

    async def retry_all(self, now: datetime) -> int:
        """Make every event due that waits for an operator."""
        return sum([await lot.retry_all(now) for lot in self._lots.values()])

    async def discard(self, ids: Sequence[str], discarding: Discarding) -> int:
        """Give these events up: their services move them, whole, to the collection `discarded`.

        Raises:
            NotSo: one is in no lot (then none was discarded), was discarded before, or is being tried this moment.
            SeveralLots: one waits in several.
        """
        found = [(await self._only_holding(id_), id_) for id_ in _once(ids)]
        for name, id_ in found:
            if not await self._lots[name].discard(place.stored(id_), discarding):
                raise NotSo(
                    f"{id_} is being tried by {name} this moment, or was discarded before: look again in a minute"
                )
        return len(found)

    async def _holding(self, id_: str) -> list[str]:
        lots = self._lots.items()
        names = [name for name, lot in lots if await lot.find(place.stored(id_)) is not None]
        if not names:
            raise NotSo(f"no parked event is called {id_}: `bmt parked list` names them")
        return names

    async def _only_holding(self, id_: str) -> str:
        name, *others = await self._holding(id_)
        if others:
            raise SeveralLots(f"{id_} waits in {name} and {', '.join(others)}: say which")
        return name


def _once(ids: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(place.read(id_) for id_ in ids))
