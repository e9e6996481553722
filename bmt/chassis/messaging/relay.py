"""From a durable commit to its consumers: the service's own views, then its topic.

The relay publishes each commit at least once, each stream's in version order. Every append wakes it, and a
periodic sweep finds what a crash left. It follows the pending flag, never a high-water mark: a position
would skip commits that become visible late.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Final

import structlog
from aiokafka import TopicPartition
from pydantic import BaseModel

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, Unavailable
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import (
    Commit,
    EventRecord,
    EventStore,
    Vocabulary,
    envelope_of,
)
from bmt.chassis.messaging.kafka_client import KafkaPublisher, Outgoing
from bmt.chassis.messaging.republishing import Republishing
from bmt.chassis.readmodels.views import LAG_SECONDS, Projection, ViewProjection
from bmt.chassis.runtime import background, tracing
from bmt.chassis.runtime.background import LruCache, backoff
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.runtime.tracing import Kind, Span

log = structlog.get_logger(__name__)


# A command's answer waits for the views (a client reads its own writes), never for Kafka. A lagging view applies
# several waves of other services' events at once, before these events, or the outbox, count as done.


class OwnProjections:
    """The service's own views and work, filled from its own commits."""

    def __init__(
        self,
        projections: Sequence[Projection],
        vocabulary: Vocabulary,
        source: str,
        left_behind: Callable[[], None] = lambda: None,
    ) -> None:
        """`source` is the service's CloudEvents source, for example `/bmt/intake`.

        `left_behind` counts each event that a view fails at.
        """
        self._projections = projections
        self._left_behind = left_behind
        self._vocabulary = vocabulary
        self._source = source
        self._behind: list[IncomingEvent[BaseModel]] = []
        self._catching_up = asyncio.Lock()

    async def apply(self, commits: Sequence[Commit]) -> None:
        """Bring every view up to these commits.

        An event that a view fails at (a defect of its fold) is skipped in that view only, and retried with the
        document's next event. Publishing is not affected.

        Raises:
            Unavailable: the views cannot be written now.
        """
        await self.apply_at_once(commits)
        await self.catch_up()

    async def apply_at_once(self, commits: Sequence[Commit]) -> None:
        """As `apply`, but without the lagging views: `catch_up` updates them."""
        incoming = self._vocabulary.incoming(commits, self._source)
        if incoming:
            for projection in self._projections:
                if not _lags(projection):
                    await self._apply(projection, incoming)
                    crash_points.reached("relay.view_applied")
            if any(map(_lags, self._projections)):
                self._behind += incoming

    async def catch_up(self) -> None:
        """Bring the lagging views up to date. After `Unavailable`, call it again."""
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
            crash_points.reached("relay.lagging_views_caught_up")

    async def _apply(
        self, projection: Projection, incoming: Sequence[IncomingEvent[BaseModel]]
    ) -> None:
        """Apply all at once. If that fails, apply commit by commit, so that only the bad one fails.

        A commit's events have one position: a view applies all of them or none.
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


BATCH: Final = 500
SWEEP_EVERY_SECONDS: Final = 1.0
LEFT_BEHIND_AFTER: Final = timedelta(seconds=4)
"""An undelivered commit this old was left by a crash."""
LONGEST_BACKOFF_SECONDS: Final = 2.0
BUSY_COMMITS: Final = 8
"""From this many commits at a time, the outbox marks are unset together with the lagging views' writes."""
NO_MORE_SECONDS: Final = 0.05
"""The load is over if no commit came for this long."""
REMEMBERED: Final = 16_384
"""Streams, some hundred bytes each."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an event for one receiver goes. `sequence` counts the events with this key, from 1."""

    topic: str
    key: str
    sequence: int


AddressOf = Callable[[Commit, EventRecord], Address]


class Relay:
    """Delivers one service's commits to its topics. Several may run without harm."""

    def __init__(
        self,
        *,
        store: EventStore,
        projections: OwnProjections,
        publisher: KafkaPublisher,
        kept: Republishing,
        topics: Mapping[str, str],
        source: str,
        clock: Clock,
        sweep_every_seconds: float = SWEEP_EVERY_SECONDS,
    ) -> None:
        """`topics` maps event types to topic names. A type without one is for the views alone."""
        self._store = store
        self._projections = projections
        self._publisher = publisher
        self._kept = kept
        self._topics = topics
        self._source = source
        self._clock = clock
        self._sweep_every = sweep_every_seconds
        self._fresh: dict[str, Commit] = {}
        self._undone: list[str] = []  # published; the lagging views may lack them
        self._done_at = 0.0
        self._published_versions: LruCache[str, int] = LruCache(
            REMEMBERED
        )  # stream → the version published last
        self._woken = asyncio.Event()
        self._highest: dict[TopicPartition, int] = {}  # acknowledged since the last check
        self._checked = False
        self._checking = asyncio.Lock()
        self._behind = True
        self._failures = 0
        self._address_of: dict[str, AddressOf] = {}

    def addresses(
        self, types: Collection[str], address_of: AddressOf, topics: Collection[str]
    ) -> None:
        """Publish events of these types to the receiver of each, on one of `topics`.

        They do not count in their stream: consumers of the other topics see no gap.
        """
        self._address_of |= dict.fromkeys(types, address_of)
        self._kept.watch(topics)

    def carries(self, type_: str) -> bool:
        return type_ in self._topics or type_ in self._address_of

    async def deliver(self, commits: Sequence[Commit]) -> None:
        """Update the views, then enqueue. If a view cannot be written, the sweep repeats it.

        Raises:
            Unavailable: a view cannot be written, and no sweep finds some of these commits.
        """
        marked = [commit for commit in commits if commit.outbox]
        try:
            await self._projections.apply_at_once(commits)
        except Unavailable as error:
            log.warning("views_wait_for_the_sweep", part=error.part, commits=len(marked))
            if len(marked) < len(commits):
                raise
        else:
            crash_points.reached("relay.views_applied")
            self.enqueue(commits)

    async def catch_up(self) -> None:
        """Update the lagging views for the next reader. If that fails, it stays pending."""
        try:
            await self._projections.catch_up()
        except Unavailable as error:
            log.warning("views_wait_for_the_sweep", part=error.part)

    def enqueue(self, commits: Sequence[Commit]) -> None:
        """Publish the commits in the outbox soon. While catching up, the store alone holds them."""
        fresh = {commit.id: commit for commit in commits if commit.outbox}
        for commit in commits:
            # A commit without a mark has nothing to publish, so it leaves no gap.
            if (
                not commit.outbox
                and commit.version == (self._published_versions.get(commit.stream) or 0) + 1
            ):
                self._published_versions.put(commit.stream, commit.version)
        if fresh and not self._behind:
            self._fresh |= fresh
            self._woken.set()

    async def run(self) -> None:
        try:
            await self._run()
        finally:
            with suppress(Unavailable):
                await background.whole(self._finish())

    async def _run(self) -> None:
        while True:
            try:
                if self._behind:
                    await self._finish()
                    await self._catch_up()
                await self._next()
                self._failures = 0
            except Unavailable as error:
                self._behind = True
                self._checked = False
                self._fresh.clear()
                self._failures += 1
                log.warning("relay_waits", part=error.part, failures=self._failures)
                pause = backoff(self._failures, first=0.05, longest=LONGEST_BACKOFF_SECONDS)
                await asyncio.sleep(pause)

    async def _catch_up(self) -> None:
        while True:
            # Later commits are either read below or enqueued.
            self._behind = False
            pending = await self._store.pending(limit=BATCH)
            self._behind = len(pending) == BATCH
            await self._redeliver(pending)
            if not self._behind:
                break
        await self._require_checked()

    async def _require_checked(self) -> None:
        async with self._checking:
            if not self._checked or self._publisher.reconnected():
                await self._kept.check()
                self._checked, self._highest = True, {}

    async def _next(self) -> None:
        try:
            async with asyncio.timeout(NO_MORE_SECONDS if self._undone else self._sweep_every):
                await self._woken.wait()
        except TimeoutError:
            if self._undone:
                await background.whole(self._finish())
                return
            await self._kept.check_now_and_then()
            await self._sweep()
            return
        self._woken.clear()
        fresh, self._fresh = list(self._fresh.values()), {}
        for start in range(0, len(fresh), BATCH):
            await self._deliver(fresh[start : start + BATCH])

    async def _sweep(self) -> None:
        left_behind = await self._store.pending(
            limit=BATCH, recorded_before=self._clock() - LEFT_BEHIND_AFTER
        )
        await self._redeliver(left_behind)

    async def _redeliver(self, commits: Sequence[Commit]) -> None:
        if commits:
            await self._projections.apply(commits)
            crash_points.reached("relay.views_caught_up")
            await self._deliver(commits)

    async def _deliver(self, commits: Sequence[Commit]) -> None:
        """Publish, then unset. A stop does not come between the two; only a crash can."""
        await background.whole(self._publish_and_unset(commits))

    async def _finish(self) -> None:
        """Unset the outbox mark once the views hold what was published."""
        undone, self._undone = self._undone, []
        try:
            await self._projections.catch_up()
            await self._store.delivered(undone)
        except BaseException:
            self._undone += undone
            raise
        self._done_at = time.monotonic()
        crash_points.reached("relay.unset")

    async def _publish_and_unset(self, commits: Sequence[Commit]) -> None:
        """An older pending commit of a stream goes first, to the views too, which may lack it."""
        given = {commit.id for commit in commits}
        before = await self._store.pending_before(self._after_a_gap(commits))
        older = [commit for commit in before if commit.id not in given]
        await self._projections.apply(older)
        crash_points.reached("relay.older_applied")
        await self._require_checked()
        due = (*older, *commits)
        in_order = _in_order((*await self._kept.earlier(due), *due))
        # Last: a receiver whose topic is missing delays nobody else.
        addressed = {commit.stream for commit in in_order if self._has_address(commit)}
        pending = {commit.id for commit in due}
        for last in (False, True):
            part = [commit for commit in in_order if (commit.stream in addressed) == last]
            if part:
                await self._publish_in_order(part, pending)
                busy = len(commits) >= BUSY_COMMITS
                if not busy or time.monotonic() - self._done_at >= LAG_SECONDS:
                    await self._finish()

    async def _publish_in_order(self, in_order: Sequence[Commit], pending: Collection[str]) -> None:
        crash_points.reached("relay.publishing")
        await self._send(in_order)
        for commit in in_order:
            self._published_versions.put(
                commit.stream, max(commit.version, self._published_versions.get(commit.stream) or 0)
            )
        crash_points.reached("relay.published")
        self._undone += [commit.id for commit in in_order if commit.id in pending]

    async def publish_again(self, commits: Sequence[Commit]) -> int:
        """Publish delivered commits again. Returns the number of events. After `BrokerUnavailable`, repeat it."""
        await self._require_checked()
        return await self._send(_in_order(commits))

    async def _send(self, commits: Sequence[Commit]) -> int:
        """Publish, and save how far the topics have come, before anything counts as delivered."""
        records = [record for commit in commits for record in self._records(commit)]
        if not records:
            return 0
        before = dict(self._highest)
        with tracing.ending(self._spans(commits) if tracing.is_on() else ()):
            offsets = await self._publisher.publish(records)
        if any(offset <= before.get(place, -1) for place, offset in offsets.items()):
            # The topic was recreated since the check and lacks its earlier events.
            self._highest = {}
            raise BrokerUnavailable
        for place, offset in offsets.items():
            self._highest[place] = max(offset, self._highest.get(place, -1))
        await self._kept.acknowledged(offsets)
        crash_points.reached("relay.offsets_kept")
        return len(records)

    def _after_a_gap(self, commits: Sequence[Commit]) -> list[Commit]:
        """The commits whose predecessor was not published here: another process may have it pending."""
        found = []
        before: dict[str, int] = {}
        for commit in _in_order(commits):
            published = (
                before.get(commit.stream) or self._published_versions.get(commit.stream) or 0
            )
            if commit.version > published + 1:
                found.append(commit)
            before[commit.stream] = commit.version
        return found

    def _spans(self, commits: Sequence[Commit]) -> list[Span]:
        """Of each event, below that of the command which it came from: the header names that one, too."""
        begun = [
            tracing.begin_on_topic(
                "send", Kind.PRODUCER, record.topic, commit.traceparent, event.type, commit.subject
            )
            for commit in commits
            for event in commit.events
            if commit.traceparent and self.carries(event.type)
            for record in (self._record(commit, event),)
        ]
        return [span for span in begun if span]

    def _records(self, commit: Commit) -> list[Outgoing]:
        return [self._record(commit, event) for event in commit.events if self.carries(event.type)]

    def _has_address(self, commit: Commit) -> bool:
        return any(event.type in self._address_of for event in commit.events)

    def _record(self, commit: Commit, event: EventRecord) -> Outgoing:
        envelope = envelope_of(commit, event, self._source)
        if (address_of := self._address_of.get(event.type)) is None:
            topic, key = self._topics[event.type], commit.subject
        else:
            address = address_of(commit, event)
            topic, key, envelope.sequence = address.topic, address.key, str(address.sequence)
        return Outgoing(topic, key.encode(), envelope.kafka_headers(), event.text.encode())


def _in_order(commits: Sequence[Commit]) -> list[Commit]:
    """Each commit once, every stream's by version."""
    every = {commit.id: commit for commit in commits}
    return sorted(every.values(), key=lambda commit: (commit.stream, commit.version))
