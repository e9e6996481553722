"""From a durable commit to those who hear it: the service's own views at once, then its topic.

A command's answer waits for the views (a client reads its own writes), never for Kafka. A view that lags takes in
what events of other services led to some waves later, together: before these events, or the outbox, count as done.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

import structlog
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.vocabulary import Vocabulary
from bmt.chassis.readmodels.views import Projection, ViewProjection

log = structlog.get_logger(__name__)


class Onward(Protocol):
    """Where commits go after the views: the relay."""

    def enqueue(self, commits: Sequence[Commit]) -> None:
        """Deliver those soon that the outbox holds; what is lost here, the sweep finds."""
        ...


class OwnProjections:
    """The service's own views and work, fed from its own commits."""

    def __init__(
        self,
        projections: Sequence[Projection],
        vocabulary: Vocabulary,
        source: str,
        left_behind: Callable[[], None] = lambda: None,
    ) -> None:
        """`source` is the service's CloudEvents source, for example `/bmt/intake`.

        `left_behind` counts each event that a view cannot take in.
        """
        self._projections = projections
        self._left_behind = left_behind
        self._vocabulary = vocabulary
        self._source = source
        self._behind: list[IncomingEvent[BaseModel]] = []
        self._catching_up = asyncio.Lock()

    async def apply(self, commits: Sequence[Commit]) -> None:
        """Bring every view up to these commits.

        An event that a view cannot take in (a defect of its fold) is left out of that view alone, and
        tried again with the next event of its document: what was decided is said all the same.

        Raises:
            Unavailable: the views cannot be written now.
        """
        await self.apply_at_once(commits)
        await self.catch_up()

    async def apply_at_once(self, commits: Sequence[Commit]) -> None:
        """As `apply`, but for the views that lag: `catch_up` is owed then."""
        incoming = [
            event for commit in commits for event in self._vocabulary.incoming(commit, self._source)
        ]
        if incoming:
            for projection in self._projections:
                if not _lags(projection):
                    await self._apply(projection, incoming)
                    crash_points.reached("delivery.view_applied")
            if any(map(_lags, self._projections)):
                self._behind += incoming

    async def catch_up(self) -> None:
        """Bring the views that lag up to all that they were told of.

        Raises:
            Unavailable: they cannot be written now; the same again is owed.
        """
        async with self._catching_up:
            if not self._behind:
                return
            incoming, self._behind = self._behind, []
            try:
                for projection in self._projections:
                    if _lags(projection):
                        await self._apply(projection, incoming)
            except BaseException:
                self._behind = incoming + self._behind
                raise
            crash_points.reached("delivery.views_caught_up")

    async def _apply(
        self, projection: Projection, incoming: Sequence[IncomingEvent[BaseModel]]
    ) -> None:
        """All at once; where that fails, commit by commit, so that a bad one stands alone.

        A commit's events have one position: a view takes them in together or not at all.
        """
        try:
            await projection.apply(incoming)
        except Unavailable:
            raise
        except Exception:
            first = incoming[0]
            if all(_commit_of(event) == _commit_of(first) for event in incoming):
                log.exception("view_left_behind", event_id=first.id, request_id=first.subject)
                self._left_behind()
                return
            for _, events in groupby(incoming, _commit_of):
                await self._apply(projection, list(events))


def _lags(projection: Projection) -> bool:
    return isinstance(projection, ViewProjection) and projection.view.lags


def _commit_of(incoming: IncomingEvent[BaseModel]) -> tuple[str, int]:
    return incoming.origin, incoming.position


class Delivery:
    """What an execution hands its durable commits to."""

    def __init__(self, projections: OwnProjections, relay: Onward) -> None:
        """Views first, then the relay."""
        self._projections = projections
        self._relay = relay

    async def deliver(self, commits: Sequence[Commit]) -> None:
        """Apply to the views, then enqueue; a view that cannot be written waits for the sweep.

        Raises:
            Unavailable: a view cannot be written, and commits are among these that no sweep finds.
        """
        marked = [commit for commit in commits if commit.outbox]
        try:
            await self._projections.apply_at_once(commits)
        except Unavailable as error:
            log.warning("views_wait_for_the_sweep", part=error.part, commits=len(marked))
            if len(marked) < len(commits):
                raise
        else:
            crash_points.reached("delivery.views_applied")
            self._relay.enqueue(commits)

    async def catch_up(self) -> None:
        """Bring the views that lag up to what was handed over, for who reads them next; else it stays owed."""
        try:
            await self._projections.catch_up()
        except Unavailable as error:
            log.warning("views_wait_for_the_sweep", part=error.part)


class MissedEvents:
    """Reads a part of one of the service's own streams."""

    def __init__(self, store: EventStore, vocabulary: Vocabulary, source: str) -> None:
        self._store = store
        self._vocabulary = vocabulary
        self._source = source

    async def __call__(
        self, stream: str, after: int, before: int
    ) -> Sequence[IncomingEvent[BaseModel]]:
        """The events of `stream` at versions above `after` and below `before`."""
        commits = (await self._store.load([stream]))[stream]
        return [
            event
            for commit in commits
            if after < commit.version < before
            for event in self._vocabulary.incoming(commit, self._source)
        ]
