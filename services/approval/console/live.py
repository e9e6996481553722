"""What changes while a page is open: told at once where it happens in this process, else within two seconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from fastapi.sse import ServerSentEvent
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import Heard
from bmt.contracts.http.approval import RequestUnderReview
from services.approval import views
from services.approval.views import Reviews

LOOKS_EVERY_SECONDS: Final = 2.0
LASTS_SECONDS: Final = 20.0
"""A stream ends by itself, and the browser opens the next: so a service that stops waits for none of them."""
RETRY_MILLISECONDS: Final = 500

Text = Callable[[RequestUnderReview], str]
"""Says what happened last, in the visitor's language."""
GoesOn = Callable[[], Awaitable[bool]]
"""Tells whether the visitor's session did not end: nobody is told anything after that."""


class Pulse:
    """A projection that keeps nothing: it wakes who waits for this process' events."""

    def __init__(self) -> None:
        self._beat = asyncio.Event()

    async def apply(self, heard: Sequence[Heard[BaseModel]]) -> None:
        """As `Projection.apply`."""
        if heard:
            self._beat.set()
            self._beat = asyncio.Event()

    async def next(self) -> None:
        """Return at the next event, or when it is time to look again."""
        try:
            async with asyncio.timeout(LOOKS_EVERY_SECONDS):
                await self._beat.wait()
        except TimeoutError:
            return


class Live:
    """Tells pages that what they show is no longer so."""

    def __init__(self, reviews: Reviews, pulse: Pulse) -> None:
        self._reviews = reviews
        self._pulse = pulse

    async def of_agency(
        self, agency: str, since: datetime, goes_on: GoesOn
    ) -> AsyncIterator[ServerSentEvent]:
        """How many of an agency's requests something happened to since then, each time it is another number."""

        async def look() -> Mapping[str, str] | None:
            found = await views.changes(self._reviews, agency, since)
            return {"count": str(found)} if found else None

        async for event in self._told(look, goes_on):
            yield event

    async def of_request(
        self, request_id: str, steps: int, text: Text, goes_on: GoesOn
    ) -> AsyncIterator[ServerSentEvent]:
        """What happened to a request after its first `steps` steps."""

        async def look() -> Mapping[str, str] | None:
            review = await self._reviews.get(request_id)
            if review is None or len(review.history) <= steps:
                return None
            return {"what": text(review)}

        async for event in self._told(look, goes_on):
            yield event

    async def _told(
        self, look: Callable[[], Awaitable[Mapping[str, str] | None]], goes_on: GoesOn
    ) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
        told: Mapping[str, str] | None = None
        ends = asyncio.get_running_loop().time() + LASTS_SECONDS
        while asyncio.get_running_loop().time() < ends and await goes_on():
            now = await look()
            if now is not None and now != told:
                told = now
                yield ServerSentEvent(event="changed", data=now)
            await self._pulse.next()
