"""What makes a service mortal: it ends at a point that its control names, and not a step later.

It is the service's own code that runs; what is set otherwise are waits that only cost a test time,
and a handler that stumbles over the requests that its control names.
"""

import asyncio
import json
import os
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from threading import Thread
from typing import Any

from bmt.chassis import crash_points
from bmt.chassis.messaging import parking
from bmt.chassis.messaging.parking import PARKED, Discarding, ParkingLot
from bmt.chassis.runtime import clock, mongodb
from bmt.chassis.runtime.service import ServiceBuilder
from bmt.chassis.work import Worker

DIED = 86
LEASE = timedelta(seconds=1)
"""What a crash costs: 6 s for work and 60 s for parked events in production."""


class Stumbled(Exception):  # noqa: N818  named for what is so
    """A defect, as the handler of one request's events has it."""


class Mortality:
    """This process's end, under control from outside."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(order["control"])
        self._say({"born": order["name"]})
        self._counts: Counter[str] = Counter()
        self._ends: tuple[str, int] | None = None
        self.stumbles_over = set(order["stumbles_over"])
        if order["arm"]:
            self._arm(*order["arm"])
        Thread(target=self._obey, daemon=True).start()

    def reached(self, point: str) -> None:
        """In the place of `crash_points.reached`."""
        self._counts[point] += 1
        if self._ends == (point, self._counts[point]):
            self._say({"died_at": point})
            os._exit(DIED)

    def _arm(self, point: str, nth: int) -> None:
        self._ends = (point, self._counts[point] + nth)

    def _obey(self) -> None:
        for line in self._control.makefile():
            match json.loads(line):
                case {"arm": [point, nth]}:
                    self._arm(point, nth)
                case {"disarm": _}:
                    self._ends = None
                case {"stumble": keys}:
                    self.stumbles_over = set(keys)
            self._say({"counts": dict(self._counts)})
        os._exit(0)

    def _say(self, what: dict[str, Any]) -> None:
        self._control.sendall(json.dumps(what).encode() + b"\n")


def begin(order: dict[str, Any]) -> None:
    """From here on this process may end at any point."""
    mortality = Mortality(order)
    crash_points.reached = mortality.reached
    Worker.__init__.__kwdefaults__["lease"] = LEASE
    parking.LEASE = LEASE
    ServiceBuilder.subscribes = _stumbling(ServiceBuilder.subscribes, mortality)


def _stumbling(receives: Callable[..., None], mortality: Mortality) -> Callable[..., None]:
    def wrapped(self: ServiceBuilder, topics: Any, handlers: Any, *rest: Any, **more: Any) -> None:
        stumbling = {event: _stumble(each, mortality) for event, each in handlers.items()}
        receives(self, topics, stumbling, *rest, **more)

    return wrapped


def _stumble(handler: Callable[[Any], Awaitable[Any]], mortality: Mortality) -> Any:
    async def handle(incoming: Any) -> Any:
        if not mortality.stumbles_over.isdisjoint({incoming.id, incoming.subject}):
            raise Stumbled
        return await handler(incoming)

    return handle


def discard(order: dict[str, Any]) -> None:
    """What an operator's call does, in a process of its own: give a parked event up."""

    async def do() -> None:
        client = mongodb.connect(order["mongodb"])
        lot = ParkingLot(client[order["database"]][PARKED])
        given_up = Discarding("siti", "a test", clock.now())
        await lot.discard(order["parked_id"], given_up)
        client.close()

    asyncio.run(do())
