"""Live updates of an open page: at once for events of this process, else within two seconds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.pagination import Id
from bmt.contracts.http.approval import RequestUnderReview, Step
from services.approval import views
from services.approval.console import wording
from services.approval.console.desk import Desk
from services.approval.views import Reviews
from web import session
from web.login import SignInFirst

LOOKS_EVERY_SECONDS: Final = 2.0
LASTS_SECONDS: Final = 20.0
"""A stream ends after this time and the browser reconnects, so a stopping service waits for none."""
RETRY_MILLISECONDS: Final = 500

Text = Callable[[RequestUnderReview], str]
"""Describes what happened last, in the user's language."""
GoesOn = Callable[[], Awaitable[bool]]
"""Whether the user's session still lasts. Nothing is sent after it ended."""


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


class Live:
    """Streams of changes to what a page shows."""

    def __init__(self, reviews: Reviews, change_signal: ChangeSignal) -> None:
        self._reviews = reviews
        self._change_signal = change_signal

    async def of_agency(
        self, agency: str, since: datetime, goes_on: GoesOn
    ) -> AsyncIterator[ServerSentEvent]:
        """How many of the agency's requests changed since then, whenever the number changes."""

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
            await self._change_signal.next()


MOST_SHOWN: Final = 100

Since = Annotated[AwareDatetime, Query()]
Steps = Annotated[int, Query(ge=0, le=100_000)]


def routes(desk: Desk, live: Live) -> APIRouter:
    """The page of changes and the streams."""
    routes = APIRouter()
    caller = Depends(desk.admitted)

    @routes.get("/changes")
    async def changes(
        request: Request, visitor: Annotated[Principal, caller], since: Since
    ) -> Response:
        found = await views.changed(desk.reviews, visitor.agency, since, MOST_SHOWN)
        return desk.layout.page(
            request,
            "changes.html",
            found=found,
            since=since,
            complete=len(found) < MOST_SHOWN,
            wording=wording,
        )

    @routes.get("/live", response_class=EventSourceResponse)
    async def of_agency(
        request: Request, visitor: Annotated[Principal, caller], since: Since
    ) -> AsyncIterator[ServerSentEvent]:
        async for event in live.of_agency(visitor.agency, since, _goes_on(request)):
            yield event

    @routes.get("/requests/{request_id}/live", response_class=EventSourceResponse)
    async def of_request(
        request: Request, request_id: Id, visitor: Annotated[Principal, caller], steps: Steps
    ) -> AsyncIterator[ServerSentEvent]:
        await desk.review_of(request_id, visitor)
        text = desk.layout.language(request).text

        def what(review: RequestUnderReview) -> str:
            last = review.history[-1]
            by = f" · {last.by}" if last.by else ""
            return f"{_said(last, text)}{by}"

        async for event in live.of_request(request_id, steps, what, _goes_on(request)):
            yield event

    return routes


def _goes_on(request: Request) -> GoesOn:
    signed_in = session.of(request)
    if signed_in is None:
        raise SignInFirst
    return signed_in.goes_on


def _said(last: Step, text: Callable[[str], str]) -> str:
    """What happened last. An approval that is not the last changes no status."""
    if last.levels is None:
        return text(wording.STATUS[last.step])
    of = text("daripada")
    return f"{text('Kelulusan')} {last.levels.given} {of} {last.levels.needed}"
