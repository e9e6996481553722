"""I9: what a service's views hold is what they hold again when every event is folded anew."""

from typing import Any

import bson
import pytest
from fixtures.memory_view_store import MemoryViewStore
from stage import SUBSCRIBED, Stage

from bmt.chassis.readmodels.view_store import MongoViewStore, ViewDocument
from bmt.chassis.readmodels.views import ViewProjection
from bmt.chassis.runtime import service as foundations
from bmt.chassis.runtime.service import ServiceBuilder


async def differences(stage: Stage, main: Any, settings: Any) -> list[str]:
    """How views differ from those folded anew, from commits and topics alone."""
    kept: list[ServiceBuilder] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(foundations, "MongoViewStore", lambda _: MemoryViewStore())
        init = ServiceBuilder.__init__

        def keep(self: ServiceBuilder, *args: Any, **more: Any) -> None:
            kept.append(self)
            init(self, *args, **more)

        patch.setattr(ServiceBuilder, "__init__", keep)
        for name, value in stage.environment.items():
            patch.setenv(name, value)
        main.build(settings())
    (again,) = kept
    await _fold(stage, again)
    wrong = []
    for view in again._indexes:
        stored = {d.key: _as_kept(d) for d in await _stored(stage, view)}
        folded = again._views._views.get(view, {})
        anew = {key: _as_kept(d) for key, d in folded.items()}
        keys = [key for key in stored.keys() | anew.keys() if stored.get(key) != anew.get(key)]
        wrong += [f"I9 {view} {k}: {stored.get(k)} folded anew: {anew.get(k)}" for k in keys]
    again._client.close()
    return wrong


async def _fold(stage: Stage, again: ServiceBuilder) -> None:
    own = [p for p in again._own_projections if isinstance(p, ViewProjection)]
    async for commit in again.store.all():
        # A commit's events have one place: they are taken in together, or the first alone.
        incoming = again._own.incoming([commit], again.source)
        for projection in own:
            await projection.apply(incoming)
    assert again._consumer is not None
    dispatcher = again._consumer._dispatcher
    for topic in SUBSCRIBED[stage.service]:
        for one in stage.tape.known(topic):
            if (incoming := dispatcher._reader.read(one.record(stage.prefix)).incoming) is not None:
                for projection in dispatcher._projections:
                    await projection.apply([incoming])


async def _stored(stage: Stage, view: str) -> Any:
    return await MongoViewStore(stage.database)._read(view, {})


def _as_kept(document: ViewDocument) -> dict[str, Any]:
    """As MongoDB gives it back: moments in milliseconds."""
    return bson.decode(bson.encode({"body": document.body, "applied": dict(document.applied)}))
