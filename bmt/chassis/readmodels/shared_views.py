"""Views beside the documents: one service fills them from its own events, all services read them."""

from typing import Any, Final, TypeVar

import structlog
from pydantic import BaseModel

from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.eventsourcing.vocabulary import Vocabulary
from bmt.chassis.messaging.relay import OwnProjections
from bmt.chassis.readmodels.rebuilding import OwnStreams
from bmt.chassis.readmodels.view_store import MongoViewStore, ViewDocument
from bmt.chassis.readmodels.views import View, ViewProjection
from bmt.chassis.runtime import mongodb

log = structlog.get_logger(__name__)

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
