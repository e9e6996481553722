"""Where streams stand: loaded and folded, or remembered from the last write of this process.

What is remembered may be out of date, since another process may write too. That is harmless where it leads
to a commit (the version is taken, and the stream is loaded), and nowhere else: a refusal that is not
recorded, for one, must be seen on a stream that was loaded.
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

    Attributes:
        state: folded from its events.
        tail: where it ends.
        history: its commits, when it was loaded; None when it was remembered.
    """

    state: S
    tail: Tail
    history: Sequence[Commit] | None = ()

    @property
    def remembered(self) -> bool:
        """Whether it may be out of date."""
        return self.history is None


class StreamStates(Generic[S]):
    """Where the streams of one store stand, as its deciders fold them."""

    def __init__(self, store: EventStore, deciders: Deciders, vocabulary: Vocabulary) -> None:
        """Nothing is remembered at first."""
        self._store = store
        self._deciders = deciders
        self._vocabulary = vocabulary
        self._remembered: LruCache[str, StreamState[S]] = LruCache(REMEMBERED)
        self._loads: Batcher[str, Sequence[Commit]] = Batcher(self._load)

    async def of(self, streams: Collection[str]) -> Mapping[str, StreamState[S]]:
        """Each stream as it is remembered, else as it is stored.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        known = {
            stream: stream_state
            for stream in streams
            if (stream_state := self._remembered.get(stream)) is not None
        }
        missing = [stream for stream in streams if stream not in known]
        return {**known, **(await self.loaded(missing) if missing else {})}

    async def known(self, streams: Collection[str]) -> Mapping[str, S]:
        """The state of each stream as `of`, and remember what had to be loaded.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        stream_states = await self.of(streams)
        for stream, stream_state in stream_states.items():
            if stream not in self._remembered:  # else it was written meanwhile
                self._remembered.put(stream, replace(stream_state, history=None))
        return {stream: stream_state.state for stream, stream_state in stream_states.items()}

    async def loaded(self, streams: Sequence[str]) -> Mapping[str, StreamState[S]]:
        """Each stream as it is stored; callers at the same time share a query.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        histories = await self._loads.submit(streams)
        return {
            stream: self._folded(stream, history)
            for stream, history in zip(streams, histories, strict=True)
        }

    async def commits(self, stream: str) -> Sequence[Commit]:
        """All that is stored of a stream.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        (history,) = await self._loads.submit([stream])
        return history

    def written(self, stream_state: StreamState[S], commit: Commit, events: Sequence[Any]) -> None:
        """Remember what `commit`, with these events, made of `stream_state`."""
        state = stream_state.state
        if events:
            state = decider_of(self._deciders, commit.stream).fold(events, state)
        tail = Tail(commit.version, commit.sequence, commit)
        self._remembered.put(commit.stream, StreamState(state, tail, history=None))

    def forget(self, streams: Collection[str]) -> None:
        """Load these when they are wanted next."""
        for stream in streams:
            self._remembered.forget(stream)

    def beginning(self, stream: str) -> StreamState[S]:
        """Where a stream stands that nothing was written to."""
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
