"""The state of streams: loaded and folded, or cached from the last write of this process.

A cached state may be out of date, since another process may write too. That is harmless if it leads to a
commit: the version is taken, and the stream is loaded. It is harmless nowhere else. A refusal that is not
recorded, for example, must be decided on a loaded stream.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from bmt.chassis.eventsourcing.decider import Deciders, decider_of
from bmt.chassis.eventsourcing.event_store import Commit, EventStore, Tail
from bmt.chassis.eventsourcing.vocabulary import Vocabulary
from bmt.chassis.runtime.batcher import Batcher
from bmt.chassis.runtime.lru_cache import LruCache
from bmt.contracts.immutable import immutable

S = TypeVar("S")

REMEMBERED: Final = 4_096
"""Streams; some kilobytes each."""


@immutable
class StreamState(Generic[S]):
    """A stream's state, and the place of its next commit.

    `history` holds its commits if it was loaded, and is None if it was cached.
    """

    state: S
    tail: Tail
    history: Sequence[Commit] | None = ()

    @property
    def remembered(self) -> bool:
        return self.history is None


class StreamStates(Generic[S]):
    """The states of one store's streams. A method that reads raises `StoreUnavailable` if the store is unreachable."""

    def __init__(self, store: EventStore, deciders: Deciders, vocabulary: Vocabulary) -> None:
        self._store = store
        self._deciders = deciders
        self._vocabulary = vocabulary
        self._remembered: LruCache[str, StreamState[S]] = LruCache(REMEMBERED)
        self._loads: Batcher[str, Sequence[Commit]] = Batcher(self._load)

    async def of(self, streams: Collection[str]) -> Mapping[str, StreamState[S]]:
        """Each stream from the cache, else from the store."""
        known = {
            stream: stream_state
            for stream in streams
            if (stream_state := self._remembered.get(stream)) is not None
        }
        missing = [stream for stream in streams if stream not in known]
        return {**known, **(await self.loaded(missing) if missing else {})}

    async def known(self, streams: Collection[str]) -> Mapping[str, S]:
        """As `of`, and cache what had to be loaded."""
        stream_states = await self.of(streams)
        for stream, stream_state in stream_states.items():
            if stream not in self._remembered:  # else it was written meanwhile
                self._remembered.put(stream, replace(stream_state, history=None))
        return {stream: stream_state.state for stream, stream_state in stream_states.items()}

    async def loaded(self, streams: Sequence[str]) -> Mapping[str, StreamState[S]]:
        """Each stream from the store. Simultaneous callers share a query."""
        histories = await self._loads.submit(streams)
        return {
            stream: self._folded(stream, history)
            for stream, history in zip(streams, histories, strict=True)
        }

    async def commits(self, stream: str) -> Sequence[Commit]:
        (history,) = await self._loads.submit([stream])
        return history

    def written(self, stream_state: StreamState[S], commit: Commit, events: Sequence[Any]) -> None:
        """Cache the state after `commit`, with these events, on top of `stream_state`."""
        state = stream_state.state
        if events:
            state = decider_of(self._deciders, commit.stream).fold(events, state)
        tail = Tail(commit.version, commit.sequence, commit)
        self._remembered.put(commit.stream, StreamState(state, tail, history=None))

    def forget(self, streams: Collection[str]) -> None:
        for stream in streams:
            self._remembered.forget(stream)

    def beginning(self, stream: str) -> StreamState[S]:
        return StreamState(decider_of(self._deciders, stream).initial, Tail())

    def _folded(self, stream: str, history: Sequence[Commit]) -> StreamState[S]:
        if not history:
            return self.beginning(stream)
        last = history[-1]
        state = decider_of(self._deciders, stream).fold(self._vocabulary.events(history))
        return StreamState(state, Tail(last.version, last.sequence, last), history)

    async def _load(self, streams: Sequence[str]) -> Sequence[Sequence[Commit]]:
        histories = await self._store.load(set(streams))
        return [histories[stream] for stream in streams]
