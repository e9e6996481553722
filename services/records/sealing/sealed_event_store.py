"""The event store of records: personal data in its own events is sealed.

An event names the key of its commit in its field `key`. A commit without such an event has no
personal data, and is stored unchanged.
"""

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Final

import orjson

from bmt.chassis.eventsourcing.event_store import (
    AlreadyRecorded,
    Appended,
    AppendOutcome,
    Commit,
    EventRecord,
    EventStore,
    Tail,
    VersionConflict,
)
from bmt.chassis.runtime.sealed_stream import SealBroken
from services.records.sealing.commitments import (
    disposed_value,
    impersonal_in_file,
    parted,
    personal_fields,
    put_back,
)
from services.records.sealing.keys import PersonKey, PersonKeys

SEALED: Final = "sealed"
_MARK: Final = f'"{SEALED}"'
"""Occurs in the text of each sealed event. Other events need not be parsed."""
_AT_A_TIME: Final = 500


class SealedEventStore:
    """An `EventStore` that seals what it writes to another one, and opens what it reads from it.

    Each method that reads also raises `KeyUnknown` if a master key is missing. Values sealed under
    a destroyed key are read as words that say so.
    """

    def __init__(self, store: EventStore, keys: PersonKeys) -> None:
        self._store = store
        self._keys = keys

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        keys = await self._keys.by_id({key for commit in commits if (key := _key_of(commit))})
        sealed = [_sealed(commit, keys) for commit in commits]
        outcomes = await self._store.append(sealed)
        return [
            await self._opened_outcome(commit, outcome)
            for commit, outcome in zip(commits, outcomes, strict=True)
        ]

    async def _opened_outcome(self, commit: Commit, outcome: AppendOutcome) -> AppendOutcome:
        match outcome:
            case Appended():
                return Appended(commit)
            case VersionConflict():
                return VersionConflict(commit)
            case AlreadyRecorded(recorded):
                return AlreadyRecorded((await self.opened([recorded]))[0])

    async def load(self, streams: Collection[str]) -> Mapping[str, Sequence[Commit]]:
        found = await self._store.load(streams)
        whole = await self.opened([commit for commits in found.values() for commit in commits])
        opened = iter(whole)
        return {stream: [next(opened) for _ in commits] for stream, commits in found.items()}

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]:
        found = await self._store.find(causations)
        return dict(zip(found, await self.opened(list(found.values())), strict=True))

    async def tails(self, streams: Collection[str]) -> Mapping[str, Tail]:
        found = await self._store.tails(streams)
        lasts = [tail.last for tail in found.values() if tail.last is not None]
        opened = {commit.stream: commit for commit in await self.opened(lasts)}
        return {stream: replace(tail, last=opened.get(stream)) for stream, tail in found.items()}

    async def pending(
        self, *, limit: int, recorded_before: datetime | None = None
    ) -> Sequence[Commit]:
        found = await self._store.pending(limit=limit, recorded_before=recorded_before)
        return await self.opened(found)

    async def pending_before(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        return await self.opened(await self._store.pending_before(commits))

    async def delivered(self, causations: Collection[str]) -> None:
        await self._store.delivered(causations)

    async def outbox_size(self) -> tuple[int, datetime | None]:
        return await self._store.outbox_size()

    async def recorded_after(
        self,
        after: tuple[str, int] | None = None,
        *,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Commit]:
        return await self.opened(await self._store.recorded_after(after, since=since, limit=limit))

    async def all(self) -> AsyncIterator[Commit]:
        some: list[Commit] = []
        async for commit in self._store.all():
            some.append(commit)
            if len(some) == _AT_A_TIME:
                for opened in await self.opened(some):
                    yield opened
                some = []
        for opened in await self.opened(some):
            yield opened

    async def opened(self, commits: Sequence[Commit]) -> list[Commit]:
        """The original commits, as far as their keys still exist."""
        keys = await self._keys.by_id(set(_sealed_under(commits)))
        return [
            replace(commit, events=tuple(_opened(event, keys) for event in commit.events))
            for commit in commits
        ]


def _key_of(commit: Commit) -> str | None:
    return next((key for event in commit.events if (key := _key_named(event))), None)


def _key_named(event: EventRecord) -> str | None:
    if event.decoded is not None:
        return getattr(event.decoded, "key", None)
    return event.data.get("key") if '"key"' in event.text else None


_personal_fields: Final = cache(lambda model: personal_fields(model, impersonal_in_file))


def _is_impersonal(event: EventRecord) -> bool:
    """Whether the event's model shows that it has no personal data, so its text need not be parsed."""
    data = event.decoded
    return data is not None and all(
        getattr(data, name) in _NOTHING for name in _personal_fields(type(data))
    )


_NOTHING: Final = (None, ())


def _sealed(commit: Commit, keys: Mapping[str, PersonKey]) -> Commit:
    key_id = _key_of(commit)
    if key_id is None:
        return commit
    key = keys.get(key_id)
    events = tuple(
        event
        if _is_impersonal(event)
        else _event_sealed(event, key)
        if key
        else _without_values(event)
        for event in commit.events
    )
    return commit if events == commit.events else replace(commit, events=events)


def _without_values(event: EventRecord) -> EventRecord:
    """Values that arrive after the disposal are not kept either."""
    impersonal, personal = parted(event.data, impersonal_in_file)
    for one in personal:
        one.replace(disposed_value(one.pointer))
    return _with_data(event, impersonal)


def _event_sealed(event: EventRecord, key: PersonKey) -> EventRecord:
    data, personal = parted(event.data, impersonal_in_file)
    if not personal:
        return event
    values = {one.pointer: one.value for one in personal}
    for one in personal:
        one.replace(None)
    text = b64encode(key.seal(orjson.dumps(values), event.id)).decode()
    return _with_data(event, {**data, SEALED: {"key": key.id, "places": [*values], "text": text}})


def _with_data(event: EventRecord, data: Mapping[str, Any]) -> EventRecord:
    """Clears `decoded`, which has the values from before."""
    return replace(event, text=orjson.dumps(data).decode(), decoded=None)


def _sealed_under(commits: Iterable[Commit]) -> Iterable[str]:
    for commit in commits:
        for event in commit.events:
            if _MARK in event.text and (sealed := event.data.get(SEALED)) is not None:
                yield sealed["key"]


def _opened(event: EventRecord, keys: Mapping[str, PersonKey]) -> EventRecord:
    if _MARK not in event.text:
        return event
    return _with_data(event, opened_data(event.id, event.data, keys))


def opened_data(
    event_id: str, data: Mapping[str, Any], keys: Mapping[str, PersonKey]
) -> dict[str, Any]:
    """An event's original data, as far as its key still exists.

    Raises:
        SealBroken: it was changed since.
    """
    sealed = data.get(SEALED)
    data = {name: value for name, value in data.items() if name != SEALED}
    if sealed is None:
        return data
    if (key := keys.get(sealed["key"])) is None:
        values = {place: disposed_value(place) for place in sealed["places"]}
    else:
        values = orjson.loads(key.open(_bytes(sealed["text"]), event_id))
    return put_back(data, values)


def _bytes(sealed: str | bytes) -> bytes:
    """Events have base64. Commits of earlier versions have bytes."""
    try:
        return b64decode(sealed, validate=True) if isinstance(sealed, str) else bytes(sealed)
    except ValueError as error:
        raise SealBroken(str(error)) from None
