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
from web.console.request_page import viewers_sentence
from web.login import SignInFirst
from web.ports import Administrator

router = APIRouter()

LOOKS_EVERY_SECONDS: Final = 2.0
"""How often the session is checked: nothing is sent after it ended."""
RETRY_MILLISECONDS: Final = 500
RETRY_LATER_MILLISECONDS: Final = 30_000
"""When the browser reconnects if approval sends nothing."""

D = TypeVar("D", bound=BaseModel)
SessionCheck = Callable[[], Awaitable[bool]]
"""Whether the visitor's session still lasts."""
Viewers = Callable[[], Awaitable[str]]
"""Records that the visitor has the page open, and returns who else has."""


@router.get("/live", response_class=EventSourceResponse)
async def of_agency(
    visit: Administrator, since: Annotated[AwareDatetime, Query()]
) -> AsyncIterator[ServerSentEvent]:
    params = {"since": since.isoformat()}
    changes = visit.client.events("approval", address("worklist", "live"), WorklistChanged, params)
    async for event in forward_changes(
        changes, lambda change: {"count": str(change.count)}, _session_check(visit.request)
    ):
        yield event


@router.get("/requests/{request_id}/live", response_class=EventSourceResponse)
async def of_request(
    visit: Administrator,
    request_id: Id,
    steps: Annotated[int | None, Query(ge=0, le=100_000)] = None,
    known: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """`steps`: how many of approval's steps the page shows; else `known`: how many of all services."""
    text = visit.language.text

    async def viewers() -> str:
        await visit.here.presence.record_viewer(visit.visitor, request_id)
        return viewers_sentence(await visit.here.presence.others(visit.visitor, request_id), text)

    path = address("requests", request_id, "live")
    if steps is not None:
        changes = visit.client.events("approval", path, Step, {"steps": steps})
        stream = forward_changes(
            changes,
            lambda step: {"what": step_text(step, text, visit.visitor)},
            _session_check(visit.request),
            viewers,
        )
    else:
        later = visit.client.events("intake", path, intake.Step, {"steps": known})
        stream = forward_changes(
            later,
            lambda step: {"what": text(wording.LATER.get(step.step, step.step))},
            _session_check(visit.request),
            viewers,
        )
    async for event in stream:
        yield event


async def forward_changes(
    changes: AsyncGenerator[D],
    describe: Callable[[D], Mapping[str, str]],
    is_active: SessionCheck,
    viewers: Viewers | None = None,
) -> AsyncIterator[ServerSentEvent]:
    """Forwards the changes until their service or the session ends; then the browser reconnects.

    `describe` makes the data of one change. `viewers`: the sentence about other viewers is sent, too, whenever it changes.
    """
    last: str | None = None
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
    arrived: asyncio.Queue[D | None] = asyncio.Queue()
    reading = asyncio.create_task(_read(changes, arrived))
    try:
        while await is_active():
            if viewers is not None and (now := await viewers()) != last:
                last = now
                yield ServerSentEvent(event="looking", data={"who": now})
            try:
                change = await asyncio.wait_for(arrived.get(), LOOKS_EVERY_SECONDS)
            except TimeoutError:
                continue
            if change is None:
                await reading
                return
            yield ServerSentEvent(event="changed", data=describe(change))
    except (Refused, Unavailable, SignInFirst):
        yield ServerSentEvent(comment="away", retry=RETRY_LATER_MILLISECONDS)
    finally:
        # The task closes the stream: after the browser left, nothing can be awaited here.
        reading.cancel()


async def _read(changes: AsyncGenerator[D], arrived: "asyncio.Queue[D | None]") -> None:
    """Runs in a task of its own, so that a check of the session interrupts no read. None ends the queue."""
    try:
        async with aclosing(changes):
            async for change in changes:
                arrived.put_nowait(change)
    finally:
        arrived.put_nowait(None)


def step_text(last: Step, text: Callable[[str], str], visitor: Principal) -> str:
    """What happened last, and by whom. An approval that is not the last changes no status."""
    what = text("Pembetulan direkodkan" if last.corrected else wording.STATUS[last.step])
    if last.levels is not None:
        given, needed = last.levels.given, last.levels.needed
        what = f"{text('Kelulusan')} {given} {text('daripada')} {needed}"
    by = visitor.name if last.by == visitor.subject else last.by_name
    return f"{what} · {by}" if by else what


def _session_check(request: Request) -> SessionCheck:
    signed_in = session.of(request)
    if signed_in is None:
        raise SignInFirst
    return signed_in.is_active
