"""Fills views: a view is rebuilt from the service's own commits, beside the running service (`bmt views rebuild`).

Nothing is emptied. Each document is replaced by what its streams give, guarded by its revision. So the view
can be read all the while, and new decisions are in it. The next page is read while this one is folded and
the one before is written.

Shared views stand beside the documents: one service fills them from its own events, all services read them.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import Commit, EventStore, Vocabulary
from bmt.chassis.messaging.relay import OwnProjections
from bmt.chassis.messaging.republishing import PRUNED_MARGIN, Job, Jobs
from bmt.chassis.readmodels.view_store import MongoViewStore, ViewDocument
from bmt.chassis.readmodels.views import Remade, Streams, View, ViewProjection
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock

D = TypeVar("D", bound=BaseModel)

FILLED: Final = "filled"
"""The key of the document that marks a view as filled. No query finds it."""
_AT_A_TIME: Final = 500


class SharedViews:
    """The shared views of one service. A service that only reads adds none."""

    def __init__(
        self, database: mongodb.Database, commits: EventStore, own: Vocabulary, source: str
    ) -> None:
        self.store = MongoViewStore(database)
        self._commits = commits
        self._own = own
        self._source = source
        self._views: list[ViewProjection[Any]] = []

    def view(self, view: View[D]) -> ViewProjection[D]:
        """A read model of the service's own events. The caller adds it to the projections."""
        streams = OwnStreams(self._commits, self._own, self._source)
        projection = ViewProjection(view, self.store, streams.between)
        self._views.append(projection)
        return projection

    async def prepare(self) -> None:
        """Create the indexes, and fill each new view from all commits.

        After a crash midway the next start repeats it. Nothing is applied twice.
        """
        await self.store.prepare({one.view.name: one.view.indexes for one in self._views})
        empty = [one for one in self._views if not await self._is_filled(one.view.name)]
        if not empty:
            return
        projections, count = OwnProjections(empty, self._own, self._source), 0
        batch: list[Commit] = []
        async for commit in self._commits.all():
            batch.append(commit)
            if len(batch) == _AT_A_TIME:
                await projections.apply(batch)
                count, batch = count + len(batch), []
        await projections.apply(batch)
        for one in empty:
            await self.store.save(one.view.name, [ViewDocument(FILLED, {}, {}, 1)], durable=True)
        log.info("views_filled", views=[one.view.name for one in empty], commits=count + len(batch))

    async def _is_filled(self, view: str) -> bool:
        return bool(await self.store.load(view, [FILLED]))


log = structlog.get_logger(__name__)

COLLECTION: Final = "rebuilding"
PAGE: Final = 500
LOOK_EVERY_SECONDS: Final = 1.0

PrunedBefore = Callable[[], Awaitable[datetime | None]]
"""Working copies from before this moment (UTC) may be gone."""


async def never() -> None:
    """Nothing is pruned."""


@dataclass(frozen=True, slots=True)
class Page:
    """Whole streams, and the last commit of them."""

    streams: Streams
    last: Commit


class OwnStreams:
    """A service's own streams, as its views receive them."""

    def __init__(self, store: EventStore, vocabulary: Vocabulary, source: str) -> None:
        self._store = store
        self._vocabulary = vocabulary
        self._source = source

    async def whole(self, streams: Collection[str]) -> Streams:
        found = await self._store.load(streams)
        return {stream: self._incoming(commits) for stream, commits in found.items()}

    async def between(
        self, stream: str, after: int, before: int
    ) -> Sequence[IncomingEvent[BaseModel]]:
        """The events of `stream` at versions above `after` and below `before`."""
        commits = (await self._store.load([stream]))[stream]
        return self._incoming([one for one in commits if after < one.version < before])

    async def pages(self, after: tuple[str, int] | None = None) -> AsyncGenerator[Page, None]:
        """Every stream after this place, whole, some at a time. The next page is read ahead."""
        rest: list[Commit] = []
        ahead = asyncio.ensure_future(self._store.recorded_after(after, limit=PAGE))
        try:
            while commits := await ahead:
                last = commits[-1]
                ahead = asyncio.ensure_future(
                    self._store.recorded_after((last.stream, last.version), limit=PAGE)
                )
                # The last stream may go on in the next page.
                known = [*rest, *commits]
                rest = [commit for commit in known if commit.stream == last.stream]
                if len(rest) < len(known):
                    yield self._page(known[: -len(rest)])
            if rest:
                yield self._page(rest)
        finally:
            ahead.cancel()

    def _page(self, commits: Sequence[Commit]) -> Page:
        by_stream = groupby(commits, lambda commit: commit.stream)
        return Page({stream: self._incoming(some) for stream, some in by_stream}, commits[-1])

    def _incoming(self, commits: Iterable[Commit]) -> list[IncomingEvent[BaseModel]]:
        return self._vocabulary.incoming(commits, self._source)


Advance = Callable[[Page, Remade], Awaitable[bool]]
"""Notes the progress. False: stop."""


async def rebuild(
    view: ViewProjection[Any],
    own: OwnStreams,
    advance: Advance,
    *,
    after: tuple[str, int] | None = None,
    pruned_before: PrunedBefore = never,
) -> bool:
    """Rebuild a view from the stream after a place on. Returns whether it came to the end.

    One page is written while the next one is folded.

    Raises:
        StoreUnavailable: go on after the page that was noted last.
    """

    async def write(page: Page, before: asyncio.Task[bool] | None) -> bool:
        before_now = await pruned_before()
        remade = await view.remake(
            page.streams, own.whole, before_now + PRUNED_MARGIN if before_now else None
        )
        crash_points.reached("rebuilding.page_written")
        return (before is None or await before) and await advance(page, remade)

    writing: asyncio.Task[bool] | None = None
    async with aclosing(own.pages(after)) as pages:
        try:
            async for page in pages:
                before, writing = writing, asyncio.create_task(write(page, writing))
                if before is not None and not await before:
                    break
            return writing is None or await writing
        finally:
            if writing is not None:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)


class Rebuilding:
    """The views of one service that can be rebuilt, and the jobs that ask for it."""

    def __init__(
        self, jobs: Jobs, own: OwnStreams, pruned_before: PrunedBefore, clock: Clock
    ) -> None:
        self._jobs = jobs
        self._own = own
        self._pruned_before = pruned_before
        self._clock = clock
        self._views: dict[str, ViewProjection[Any]] = {}

    def add(self, view: ViewProjection[Any]) -> None:
        self._views[view.view.name] = view

    async def prepare(self) -> None:
        """Keep a job for each view, so that a command knows the views. A new view is filled."""
        empty = [name for name, view in self._views.items() if await view.is_empty()]
        await self._jobs.keep(self._views, empty, self._clock())

    async def under_way(self) -> bool:
        """Whether a view is still to be filled."""
        return bool(await self._jobs.open())

    async def run(self) -> None:
        while True:
            try:
                while (job := await self._jobs.take(self._clock(), self._views)) is not None:
                    await self._work(job)
            except Unavailable as error:
                log.warning("rebuilding_waits", part=error.part)
            except Exception:
                # The service goes on. The job is retried once its lease has run out.
                log.exception("rebuilding_failed")
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _work(self, job: Job) -> None:
        current = job

        async def advance(page: Page, remade: Remade) -> bool:
            nonlocal current
            counts = {"documents": remade.documents, "left": remade.left}
            noted = await self._jobs.advance(current, page.last, self._clock(), counts)
            current = noted or current
            return noted is not None

        done = await rebuild(
            self._views[job.id],
            self._own,
            advance,
            after=job.after,
            pruned_before=self._pruned_before,
        )
        if done and await self._jobs.finish(current, self._clock()):
            log.info("view_made_again", view=job.id, documents=current.documents, left=current.left)
