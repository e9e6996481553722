"""What changes while somebody looks: at once for events of this process, else within two seconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Final, TypeVar

from fastapi import Query
from fastapi.sse import ServerSentEvent
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent

LOOKS_EVERY_SECONDS: Final = 2.0
LASTS_SECONDS: Final = 20
"""A stream ends after this time at most and its reader reconnects, so a stopping service waits for none."""
RETRY_MILLISECONDS: Final = 500

Seconds = Annotated[
    int, Query(ge=1, le=LASTS_SECONDS, description="how long the stream lasts at most")
]

D = TypeVar("D", bound=BaseModel)


class ChangeSignal:
    """A projection that stores nothing: it wakes the streams when this process has events."""

    def __init__(self) -> None:
        self._beat = asyncio.Event()

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        if incoming:
            self._beat.set()
            self._beat = asyncio.Event()

    async def next(self) -> None:
        """Returns at the next event, or after `LOOKS_EVERY_SECONDS`."""
        try:
            async with asyncio.timeout(LOOKS_EVERY_SECONDS):
                await self._beat.wait()
        except TimeoutError:
            return


async def stream(
    look: Callable[[], Awaitable[D | None]],
    change_signal: ChangeSignal,
    seconds: float = LASTS_SECONDS,
) -> AsyncIterator[ServerSentEvent]:
    """An event `changed` whenever `look` finds something else; None: nothing changed yet."""
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
    sent: D | None = None
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        found = await look()
        if found is not None and found != sent:
            sent = found
            yield ServerSentEvent(event="changed", data=found)
        await change_signal.next()
