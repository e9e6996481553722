"""The event store in memory: what fast tests stand on, under the same suite as the real one."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bmt.chassis.event_store import (
    AlreadyRecorded,
    Appended,
    AppendOutcome,
    Commit,
    Tail,
    VersionConflict,
)


class MemoryEventStore:
    """Keeps commits by causation and by stream; nothing outlives the process."""

    def __init__(self) -> None:
        self._by_id: dict[str, Commit] = {}
        self._streams: dict[str, dict[int, str]] = {}

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        """As `EventStore.append`."""
        return [self._append(commit) for commit in commits]

    def _append(self, commit: Commit) -> AppendOutcome:
        if (recorded := self._by_id.get(commit.id)) is not None:
            return AlreadyRecorded(recorded)
        stream = self._streams.setdefault(commit.stream, {})
        if commit.version in stream:
            return VersionConflict(commit)
        stream[commit.version] = commit.id
        self._by_id[commit.id] = commit
        return Appended(commit)

    async def load(self, streams: Collection[str]) -> Mapping[str, Sequence[Commit]]:
        """As `EventStore.load`."""
        return {stream: self._commits(stream) for stream in streams}

    def _commits(self, stream: str) -> list[Commit]:
        versions = self._streams.get(stream, {})
        return [self._by_id[versions[version]] for version in sorted(versions)]

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]:
        """As `EventStore.find`."""
        return {id_: self._by_id[id_] for id_ in causations if id_ in self._by_id}

    async def tails(self, streams: Collection[str]) -> Mapping[str, Tail]:
        """As `EventStore.tails`."""
        return {stream: self._tail(stream) for stream in streams}

    def _tail(self, stream: str) -> Tail:
        commits = self._commits(stream)
        if not commits:
            return Tail()
        return Tail(commits[-1].version, commits[-1].sequence, commits[-1])

    async def pending(
        self, *, limit: int, recorded_before: datetime | None = None
    ) -> Sequence[Commit]:
        """As `EventStore.pending`."""
        waiting = [
            commit
            for commit in self._by_id.values()
            if commit.outbox and (recorded_before is None or commit.recorded_at < recorded_before)
        ]
        waiting.sort(key=lambda commit: (commit.recorded_at, commit.version))
        return waiting[:limit]

    async def pending_before(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """As `EventStore.pending_before`."""
        before: dict[str, int] = {}
        for commit in commits:
            before[commit.stream] = max(commit.version, before.get(commit.stream, 0))
        return [
            earlier
            for stream, version in before.items()
            for earlier in self._commits(stream)
            if earlier.outbox and earlier.version < version
        ]

    async def delivered(self, causations: Collection[str]) -> None:
        """As `EventStore.delivered`."""
        for id_ in self._by_id.keys() & set(causations):
            self._by_id[id_] = replace(self._by_id[id_], outbox=False)

    async def outbox_size(self) -> tuple[int, datetime | None]:
        """As `EventStore.outbox_size`."""
        waiting = [commit.recorded_at for commit in self._by_id.values() if commit.outbox]
        return len(waiting), min(waiting, default=None)

    async def recorded_after(
        self,
        after: tuple[str, int] | None = None,
        *,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Commit]:
        """As `EventStore.recorded_after`."""
        found = [
            commit
            async for commit in self.all()
            if (after is None or (commit.stream, commit.version) > after)
            and (since is None or commit.recorded_at >= since)
        ]
        return found[:limit]

    async def all(self) -> AsyncIterator[Commit]:
        """As `EventStore.all`."""
        for stream in sorted(self._streams):
            for commit in self._commits(stream):
                yield commit
