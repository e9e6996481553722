"""What changes while a page is open: approval's stream, passed on in the visitor's language."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Annotated, Final, TypeVar

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request

from bmt.chassis.errors import Unavailable
from bmt.chassis.http.auth import Principal
from bmt.chassis.http.routes import Id
from bmt.contracts.http import intake
from bmt.contracts.http.approval import Step, WorklistChanged
from bmt.contracts.problems import Refused
from web import session
from web.clients import address
from web.console import wording
from web.console.request_page import looked_at
from web.login import SignInFirst
from web.ports import Administrator

router = APIRouter()

LOOKS_EVERY_SECONDS: Final = 2.0
"""How often the session is looked up: nothing is sent after it ended."""
RETRY_MILLISECONDS: Final = 500
RETRY_LATER_MILLISECONDS: Final = 30_000
"""When the browser comes again if approval sends nothing."""

D = TypeVar("D", bound=BaseModel)
GoesOn = Callable[[], Awaitable[bool]]
"""Whether the visitor's session still lasts."""
WhoElse = Callable[[], Awaitable[str]]
"""Notes that the visitor looks, and says who else does."""


@router.get("/live", response_class=EventSourceResponse)
async def of_agency(
    visit: Administrator, since: Annotated[AwareDatetime, Query()]
) -> AsyncIterator[ServerSentEvent]:
    asked = {"since": since.isoformat()}
    changes = visit.client.events("approval", address("worklist", "live"), WorklistChanged, asked)
    async for event in passed_on(
        changes, lambda change: {"count": str(change.count)}, _goes_on(visit.request)
    ):
        yield event


@router.get("/requests/{request_id}/live", response_class=EventSourceResponse)
async def of_request(
    visit: Administrator,
    request_id: Id,
    steps: Annotated[int | None, Query(ge=0, le=100_000)] = None,
    known: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """`steps` of approval are known; or, where it has done its part, `known` ones of all services."""
    text = visit.language.text

    async def who_else() -> str:
        await visit.here.presence.looks(visit.visitor, request_id)
        return looked_at(await visit.here.presence.others(visit.visitor, request_id), text)

    path = address("requests", request_id, "live")
    if steps is not None:
        reviewed = visit.client.events("approval", path, Step, {"steps": steps})
        told = passed_on(
            reviewed,
            lambda step: {"what": said(step, text, visit.visitor)},
            _goes_on(visit.request),
            who_else,
        )
    else:
        taken = visit.client.events("intake", path, intake.Step, {"steps": known})
        told = passed_on(
            taken,
            lambda step: {"what": text(wording.LATER.get(step.step, step.step))},
            _goes_on(visit.request),
            who_else,
        )
    async for event in told:
        yield event


async def passed_on(
    changes: AsyncGenerator[D],
    told: Callable[[D], Mapping[str, str]],
    goes_on: GoesOn,
    who_else: WhoElse | None = None,
) -> AsyncIterator[ServerSentEvent]:
    """The changes as they come, until their service or the session ends them; then the browser comes again.

    `who_else`: also who else looks, whenever that changes.
    """
    looking: str | None = None
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
    arrived: asyncio.Queue[D | None] = asyncio.Queue()
    reading = asyncio.create_task(_read(changes, arrived))
    try:
        while await goes_on():
            if who_else is not None and (now := await who_else()) != looking:
                looking = now
                yield ServerSentEvent(event="looking", data={"who": now})
            try:
                change = await asyncio.wait_for(arrived.get(), LOOKS_EVERY_SECONDS)
            except TimeoutError:
                continue
            if change is None:
                await reading
                return
            yield ServerSentEvent(event="changed", data=told(change))
    except (Refused, Unavailable, SignInFirst):
        yield ServerSentEvent(comment="away", retry=RETRY_LATER_MILLISECONDS)
    finally:
        # It closes the stream itself: when a browser left, nothing can be awaited here.
        reading.cancel()


async def _read(changes: AsyncGenerator[D], arrived: "asyncio.Queue[D | None]") -> None:
    """Reads in a task of its own, so that a look at the session interrupts nothing. None: there are no more."""
    try:
        async with aclosing(changes):
            async for change in changes:
                arrived.put_nowait(change)
    finally:
        arrived.put_nowait(None)


def said(last: Step, text: Callable[[str], str], visitor: Principal) -> str:
    """What happened last, and by whom. An approval that is not the last changes no status."""
    what = text("Pembetulan direkodkan" if last.corrected else wording.STATUS[last.step])
    if last.levels is not None:
        given, needed = last.levels.given, last.levels.needed
        what = f"{text('Kelulusan')} {given} {text('daripada')} {needed}"
    by = visitor.name if last.by == visitor.subject else last.by_name
    return f"{what} · {by}" if by else what


def _goes_on(request: Request) -> GoesOn:
    signed_in = session.of(request)
    if signed_in is None:
        raise SignInFirst
    return signed_in.goes_on
