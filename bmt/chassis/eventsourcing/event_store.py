"""The event store: a decision is one document, a *commit*, written once.

A commit's id is its causation (the id of the event or command that led to it), so the store is also
the inbox: the same message twice finds its commit. `(stream, version)` is unique, so two decisions
on the same state cannot both stand. `outbox` marks what the relay still owes.
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
        sequence: counts the published events of its stream from 1; 0 for an event that only the service's own
            views hear.
        text: its data as JSON (RFC 8259), encoded once: what is stored is what is published.
        decoded: the data as its model, where it is at hand.
    """

    id: str
    type: str
    time: datetime
    sequence: int
    text: str
    decoded: BaseModel | None = field(default=None, compare=False, repr=False)

    @property
    def data(self) -> dict[str, Any]:
        """`text`, parsed anew each time."""
        parsed: dict[str, Any] = orjson.loads(self.text)
        return parsed


@immutable
class RefusalRecord:
    """A refusal that stands: the same call again gets the same answer."""

    problem: str
    detail: str
    extra: dict[str, Any]

    @classmethod
    def of(cls, refused: Refused) -> "RefusalRecord":
        """What is kept of a refusal; the wrong fields stand among its members, as in the problem."""
        errors = [error.model_dump(mode="json") for error in refused.errors]
        return cls(
            refused.problem,
            refused.detail,
            {**refused.extra, **({"errors": errors} if errors else {})},
        )

    def again(self, *, replayed: bool) -> Refused:
        """The refusal, to be raised."""
        more = dict(self.extra)
        errors = tuple(FieldError.model_validate(error) for error in more.pop("errors", ()))
        return Refused(
            self.detail, problem=self.problem, extra=more, errors=errors, replayed=replayed
        )


@immutable
class Commit:
    """One decision: the events it led to (or the refusal, or nothing to do), and why.

    Attributes:
        id: the causation: id of the event or command that led here.
        stream: `<category>-<subject>`, for example `request-<uuid>`.
        version: 1, 2, … without gaps within the stream.
        sequence: published events of the stream, this commit's included.
        fingerprint: hash of the message's body; the same id with another one is refused.
        recorded_at: when it was written, UTC, for people; order comes from versions only.
        outbox: still to be delivered.
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
    """The same causation was committed before: this is that commit."""

    commit: Commit


@immutable
class VersionConflict:
    """Another commit took this version: load, fold and decide again."""

    commit: Commit


AppendOutcome = Appended | AlreadyRecorded | VersionConflict


@immutable
class Tail:
    """Where a stream ends; the place of the next commit."""

    version: int = 0
    sequence: int = 0
    last: Commit | None = field(default=None, compare=False)


class EventStore(Protocol):
    """What the memory store and the MongoDB store both promise (one suite tests both).

    Every method raises `StoreUnavailable` when the store cannot be reached; an append may then have
    been written all the same: the same append again tells.
    """

    async def append(self, commits: Sequence[Commit]) -> list[AppendOutcome]:
        """Write each commit by itself; the outcomes are in the order of `commits`."""
        ...

    async def load(self, streams: Collection[str]) -> Mapping[str, Sequence[Commit]]:
        """The commits of each stream in version order; an unknown stream has none."""
        ...

    async def find(self, causations: Collection[str]) -> Mapping[str, Commit]:
        """The commits that these messages led to, by causation."""
        ...

    async def tails(self, streams: Collection[str]) -> Mapping[str, Tail]:
        """Where each stream ends, without loading it."""
        ...

    async def pending(
        self, *, limit: int, recorded_before: datetime | None = None
    ) -> Sequence[Commit]:
        """Commits still to be delivered, the oldest first, each stream's in version order."""
        ...

    async def pending_before(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """Undelivered commits of the same streams with lower versions, in version order."""
        ...

    async def delivered(self, causations: Collection[str]) -> None:
        """Unset `outbox` of these commits."""
        ...

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
        """The next commits in the order of streams and versions, after a stream and version.

        Those recorded before `since` (UTC) are left out.
        """
        ...

    def all(self) -> AsyncIterator[Commit]:
        """Every commit, each stream's in version order: for rebuilding views and for audits."""
        ...
