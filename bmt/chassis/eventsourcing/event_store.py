"""The event store: a decision is one document, a *commit*, written once.

A commit's id is its causation (the id of the event or command that caused it). So the store is also the
inbox: a redelivered message finds its commit. `(stream, version)` is unique, so two decisions on the same
state cannot both be stored. `outbox` marks what the relay has yet to publish.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

import orjson
from pydantic import BaseModel

from bmt.contracts.immutable import immutable
from bmt.contracts.problems import FieldError, Refused


@immutable
class EventRecord:
    """An event as it is stored and published.

    Attributes:
        sequence: counts the published events of its stream from 1. 0 for an event that stays within the service.
        text: its data as JSON (RFC 8259), encoded once: the stored bytes are the published bytes.
        decoded: the data as its model, if it is at hand.
    """

    id: str
    type: str
    time: datetime
    sequence: int
    text: str
    decoded: BaseModel | None = field(default=None, compare=False, repr=False)

    @property
    def data(self) -> dict[str, Any]:
        parsed: dict[str, Any] = orjson.loads(self.text)
        return parsed


@immutable
class RefusalRecord:
    """A recorded refusal: the same call again gets the same answer."""

    problem: str
    detail: str
    extra: dict[str, Any]

    @classmethod
    def of(cls, refused: Refused) -> "RefusalRecord":
        """The record of a refusal. `extra` holds the wrong fields as `errors`, as the problem does."""
        errors = [error.model_dump(mode="json") for error in refused.errors]
        return cls(
            refused.problem,
            refused.detail,
            {**refused.extra, **({"errors": errors} if errors else {})},
        )

    def again(self, *, replayed: bool) -> Refused:
        more = dict(self.extra)
        errors = tuple(FieldError.model_validate(error) for error in more.pop("errors", ()))
        return Refused(
            self.detail, problem=self.problem, extra=more, errors=errors, replayed=replayed
        )


@immutable
class Commit:
    """One decision: the events it led to (or the refusal, or nothing to do), and its cause.

    Attributes:
        id: the causation: id of the event or command that led here.
        stream: `<category>-<subject>`, for example `request-<uuid>`.
        version: 1, 2, … without gaps within the stream.
        sequence: published events of the stream, this commit's included.
        fingerprint: hash of the message's content. The same id with another one is refused.
        recorded_at: when it was written (UTC), for people. Versions alone give the order.
        outbox: whether it is still to be delivered.
    """

    id: str
    stream: str
    version: int
    sequence: int
    events: tuple[EventRecord, ...]
    fingerprint: str
    recorded_at: datetime
    outbox: bool = False
    refusal: RefusalRecord | None = None
    traceparent: str | None = None

    @property
    def subject(self) -> str:
        """What the stream is about: its name without the category."""
        return self.stream.partition("-")[2]


@immutable
class Appended:
    """The commit is durable on a majority."""

    commit: Commit


@immutable
class AlreadyRecorded:
    """The same causation was committed before, as this commit."""

    commit: Commit


@immutable
class VersionConflict:
    """Another commit took this version. Load, fold and decide again."""

    commit: Commit


AppendOutcome = Appended | AlreadyRecorded | VersionConflict


@immutable
class Tail:
    """Where a stream ends."""

    version: int = 0
    sequence: int = 0
    last: Commit | None = field(default=None, compare=False)


class EventStore(Protocol):
    """The promises of the memory store and the MongoDB store. One test suite checks both.

    Every method raises `StoreUnavailable` if the store cannot be reached. An append may have been written
    all the same; repeating it gives the answer.
    """

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        """Write each commit by itself. The outcomes are in the order of `commits`."""
        ...

    async def load(self, streams: Collection[str]) -> Mapping[str, Sequence[Commit]]:
        """The commits of each stream in version order. An unknown stream has none."""
        ...

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]: ...

    async def tails(self, streams: Collection[str]) -> Mapping[str, Tail]: ...

    async def pending(
        self, *, limit: int, recorded_before: datetime | None = None
    ) -> Sequence[Commit]:
        """Commits to be delivered, the oldest first, each stream's in version order."""
        ...

    async def pending_before(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """Undelivered commits of the same streams with lower versions, in version order."""
        ...

    async def delivered(self, causations: Collection[str]) -> None: ...

    async def outbox_size(self) -> tuple[int, datetime | None]:
        """How many commits are to be delivered, and when the oldest was recorded."""
        ...

    async def recorded_after(
        self,
        after: tuple[str, int] | None = None,
        *,
        since: datetime | None = None,
        limit: int,
    ) -> Sequence[Commit]:
        """The next commits in the order of streams and versions. `since` (UTC) leaves out older ones."""
        ...

    def all(self) -> AsyncIterator[Commit]:
        """Every commit, each stream's in version order: for rebuilding views and for audits."""
        ...
