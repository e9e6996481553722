"""Views: pure folds from events to documents, applied once by position, rebuilt at will."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import merge
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog
from pydantic import BaseModel

from bmt.chassis.errors import StillContended
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.readmodels.view_store import Body, Query, ViewDocument, ViewStore
from bmt.chassis.runtime.background import LruCache
from bmt.contracts.values import immutable

log = structlog.get_logger(__name__)

D = TypeVar("D", bound=BaseModel)
M = TypeVar("M", bound=BaseModel)

_CONFLICT_TRIES: Final = 20

LAG_SECONDS: Final = 1.0
"""Under load a lagging view is written this often: many waves in one write."""
REMEMBERED: Final = 2_048
"""Documents; some kilobytes each."""

Missed = Callable[[str, int, int], Awaitable[Sequence[IncomingEvent[BaseModel]]]]
"""The events of a stream at positions above the first and below the second number."""

Fold = Callable[[Body | None, IncomingEvent[BaseModel]], Body | None]
"""The document after an event, or None if there is nothing to show. Pure: it changes no argument."""

Streams = Mapping[str, Sequence[IncomingEvent[BaseModel]]]
"""Whole streams, each in order."""
WholeStreams = Callable[[Collection[str]], Awaitable[Streams]]
"""Reads the service's own streams. A missing one is empty."""


class Projection(Protocol):
    """Something derived from events. Applying an event twice is harmless."""

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        """Apply these events, each origin's in order."""
        ...


def by_subject(incoming: IncomingEvent[BaseModel]) -> str | None:
    """The usual key of a view: the event's subject."""
    return incoming.subject or None


def begins_stream(incoming: IncomingEvent[BaseModel]) -> bool:
    """The usual beginning of a document: the first event of its stream."""
    return incoming.position == 1


@dataclass(frozen=True)
class View(Generic[D]):
    """A read model.

    Attributes:
        name: its collection.
        model: what a document of it is read as.
        fold: makes a document exactly as `as_stored` makes it of `model`: every field with its default.
        key: which document an event belongs to; None if the event does not concern this view.
        begins: whether no earlier event belongs to the event's document.
        indexes: lists of fields that are searched or sorted together.
        lags: under load it applies many waves at once, up to `LAG_SECONDS` late.
    """

    name: str
    model: type[D]
    fold: Fold
    key: Callable[[IncomingEvent[BaseModel]], str | None] = by_subject
    begins: Callable[[IncomingEvent[BaseModel]], bool] = begins_stream
    indexes: Sequence[Sequence[str]] = field(default_factory=tuple)
    lags: bool = False


def as_stored(value: Any) -> Any:
    """A value as a document holds it: a model becomes a dictionary, a tuple a list. Others stay.

    For a model without tuples, at any depth, its `model_dump` gives the same for less.
    """
    if isinstance(value, BaseModel):
        return _listed(value.model_dump())
    if isinstance(value, tuple):
        return [as_stored(each) for each in value]
    return value


def _listed(value: Any) -> Any:
    if type(value) is dict:
        return {name: v if type(v) in _PLAIN else _listed(v) for name, v in value.items()}
    if type(value) is tuple or type(value) is list:
        return [each if type(each) in _PLAIN else _listed(each) for each in value]
    return value


_PLAIN: Final = frozenset({str, int, bool, datetime, type(None)})


@immutable
class _Held:
    """A document with the positions it holds. Revision 0 is not stored yet."""

    body: Body | None = None
    applied: Mapping[str, int] = field(default_factory=dict)
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Remade:
    """How many documents were rebuilt, and how many were left as they were."""

    documents: int
    left: int


class ViewProjection(Generic[D]):
    """Fills one view and reads from it."""

    def __init__(self, view: View[D], store: ViewStore, missed: Missed | None = None) -> None:
        """`missed` fetches events that the view lost in a crash from the service's own streams."""
        self.view = view
        self._store = store
        self._missed = missed
        # A write of another process is detected by the revision when this one saves.
        self._remembered: LruCache[str, _Held] = LruCache(REMEMBERED)

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        """As `Projection.apply`, in at most one load and one write. A repetition applies nothing twice."""
        by_key: dict[str, list[IncomingEvent[BaseModel]]] = {}
        for event in incoming:
            if (key := self.view.key(event)) is not None:
                by_key.setdefault(key, []).append(event)
        keys: Collection[str] = list(by_key)
        # A consumed event is not redelivered once its offset is committed, nor is what it led to.
        durable = any(event.topic or event.unmarked for event in incoming)
        for tries in range(_CONFLICT_TRIES):
            held = await self._held({key: by_key[key] for key in keys}, guess=tries == 0)
            changed: dict[str, _Held] = {}
            again: list[str] = []
            for key in keys:
                remembered = key in self._remembered
                after = await self._fold(key, held[key], by_key[key])
                if after is not None:
                    changed[key] = after
                elif remembered:
                    # Redelivered: a crash of MongoDB may have lost the cached document.
                    self._remembered.forget(key)
                    again.append(key)
            keys = [*again, *await self._save(changed, durable=durable)]
            if not keys:
                return
        raise StillContended(self.view.name)

    async def _held(
        self, by_key: Mapping[str, Sequence[IncomingEvent[BaseModel]]], *, guess: bool
    ) -> Mapping[str, _Held]:
        """Each document from the cache, else from the store. `guess`: none exists yet if an event begins it."""
        held: dict[str, _Held] = {}
        for key, events in by_key.items():
            if (recent := self._remembered.get(key)) is not None:
                held[key] = recent
            elif guess and self._missed is not None and self.view.begins(events[0]):
                held[key] = _Held()
        found = await self._store.load(self.view.name, [key for key in by_key if key not in held])
        for key in by_key:
            if key not in held:
                held[key] = self._read(found.get(key))
        return held

    def _read(self, found: ViewDocument | None) -> _Held:
        if found is None:
            return _Held()
        # An earlier version may have written fewer fields.
        body = as_stored(self.view.model.model_validate(found.body))
        return _Held(body, found.applied, found.revision)

    async def _save(self, changed: Mapping[str, _Held], *, durable: bool) -> Collection[str]:
        """Write and cache. Returns the keys that another writer took first."""
        documents = [
            ViewDocument(key, one.body, one.applied, one.revision)
            for key, one in changed.items()
            if one.body is not None
        ]
        try:
            refused = set(await self._store.save(self.view.name, documents, durable=durable))
        except BaseException:
            # The write may or may not have succeeded.
            for key in changed:
                self._remembered.forget(key)
            raise
        for key, one in changed.items():
            if key in refused:
                self._remembered.forget(key)
            else:
                self._remembered.put(key, one)
        return refused

    async def _fold(
        self, key: str, held: _Held, incoming: Sequence[IncomingEvent[BaseModel]]
    ) -> _Held | None:
        """The document with these events, or None if they change nothing."""
        applied: dict[str, int] = dict(held.applied)
        document = held.body
        seen: set[str] = set()
        for event in incoming:
            for due in await self._in_order(applied.get(event.origin, 0), event):
                known = due.id in seen or due.position <= held.applied.get(due.origin, 0)
                if known or (due is not event and self.view.key(due) != key):
                    continue
                document = self.view.fold(document, due)
                applied[due.origin] = due.position
                seen.add(due.id)
        if applied == held.applied or document is None:
            return None
        return _Held(document, applied, held.revision + 1)

    async def _in_order(
        self, position: int, event: IncomingEvent[BaseModel]
    ) -> Sequence[IncomingEvent[BaseModel]]:
        begins = position == 0 and self.view.begins(event)
        if self._missed is None or begins or event.position <= position + 1:
            return (event,)
        return (*await self._missed(event.origin, position, event.position), event)

    async def remake(
        self, streams: Streams, whole: WholeStreams, pruned_before: datetime | None = None
    ) -> Remade:
        """Rebuild each document of these streams from nothing, replacing the stored one.

        It may run beside everything else. Until a document is replaced, readers get the old one. If a writer was
        faster, the document is rebuilt once more. A document stays as it is if it holds what the service's own
        streams do not have (another service's events, or a pruned stream), and if the fold fails. A document that
        was pruned meanwhile, up to `pruned_before`, is not brought back.

        Raises:
            StoreUnavailable: some may be rebuilt. Repeating it is harmless.
        """
        known = self._by_document(streams)
        origins: dict[str, set[str]] = {}
        for origin, found in known.items():
            for key in found.of:
                origins.setdefault(key, set()).add(origin)
        keys: Collection[str] = list(origins)
        documents = left = 0
        for _ in range(_CONFLICT_TRIES):
            stored = await self._store.load(self.view.name, keys)
            behind = {
                origin
                for one in stored.values()
                for origin, position in one.applied.items()
                if _end(known.get(origin)) < position
            }
            if behind:
                known |= self._by_document(await whole(behind))
            made = [
                document
                for key in keys
                if (document := self._remade_document(key, stored.get(key), origins[key], known))
            ]
            refused = set(await self._store.save(self.view.name, made))
            for document in made:
                self._remembered.forget(document.key)
            documents += len(made) - len(refused)
            left += len(stored.keys() - {document.key for document in made})
            if pruned_before is not None:
                fresh = [one for one in made if one.revision == 1 and one.key not in refused]
                await self._remove_pruned(fresh, known, whole, pruned_before)
            keys = refused
            if not keys:
                return Remade(documents, left)
            again = await whole({origin for key in keys for origin in origins[key]})
            known |= self._by_document(again)
        raise StillContended(self.view.name)

    def _by_document(self, streams: Streams) -> dict[str, "_KnownStream"]:
        found = {}
        for origin, events in streams.items():
            of: dict[str, list[IncomingEvent[BaseModel]]] = {}
            for event in events:
                if (key := self.view.key(event)) is not None:
                    of.setdefault(key, []).append(event)
            found[origin] = _KnownStream(events[-1] if events else None, of)
        return found

    def _remade_document(
        self,
        key: str,
        stored: ViewDocument | None,
        origins: Collection[str],
        known: Mapping[str, "_KnownStream"],
    ) -> ViewDocument | None:
        """The document from its streams, in order of time; None: it must stay as it is."""
        held = stored.applied if stored else {}
        if any(_end(known.get(origin)) < position for origin, position in held.items()):
            return None
        streams = [known[origin].of.get(key, ()) for origin in {*origins, *held}]
        events = merge(*streams, key=lambda event: event.time) if streams[1:] else streams[0]
        body: Body | None = None
        applied: dict[str, int] = {}
        try:
            for event in events:
                body = self.view.fold(body, event)
                applied[event.origin] = event.position
        except Exception:
            log.exception("view_not_made_again", view=self.view.name, streams=sorted(origins))
            return None
        if body is None:
            return None
        revision = stored.revision if stored else 0
        return ViewDocument(key, body, applied, revision + 1)

    async def _remove_pruned(
        self,
        fresh: Collection[ViewDocument],
        known: Mapping[str, "_KnownStream"],
        whole: WholeStreams,
        pruned_before: datetime,
    ) -> None:
        """Commits are pruned before the views. If they still exist, pruning will find the document."""
        old = {
            document.key: [*document.applied]
            for document in fresh
            if all(
                last.time < pruned_before
                for origin in document.applied
                if (last := known[origin].last)
            )
        }
        if old:
            present = await whole({origin for origins in old.values() for origin in origins})
            gone = [k for k, origins in old.items() if not all(present.get(o) for o in origins)]
            await self._store.remove(self.view.name, gone)

    async def get(self, key: str) -> D | None:
        found = (await self._store.load(self.view.name, [key])).get(key)
        return self.view.model.model_validate(found.body) if found else None

    async def get_many(self, keys: Collection[str]) -> dict[str, D]:
        found = await self._store.load(self.view.name, keys)
        return {key: self.view.model.model_validate(one.body) for key, one in found.items()}

    async def find(self, query: Query) -> list[D]:
        found = await self._store.find(self.view.name, query)
        return [self.view.model.model_validate(document.body) for document in found]

    async def find_as(self, model: type[M], query: Query) -> list[M]:
        """As `find`, of each document what `model` has of it."""
        found = await self._store.find(self.view.name, replace(query, fields=[*model.model_fields]))
        return [model.model_validate(document.body) for document in found]

    async def count(
        self, by: Sequence[str], query: Query | None = None
    ) -> Mapping[tuple[Any, ...], int]:
        return await self._store.count(self.view.name, by, query or Query())

    async def distinct(self, field: str, query: Query | None = None) -> Collection[Any]:
        return await self._store.distinct(self.view.name, field, query or Query())

    async def is_empty(self) -> bool:
        return not await self._store.find(self.view.name, Query(limit=1))

    async def clear(self) -> None:
        self._remembered.clear()
        await self._store.clear(self.view.name)


@immutable
class _KnownStream:
    """A whole stream: its last event, and the events of each document."""

    last: IncomingEvent[BaseModel] | None
    of: Mapping[str, Sequence[IncomingEvent[BaseModel]]]


def _end(found: _KnownStream | None) -> int:
    return found.last.position if found and found.last else 0
