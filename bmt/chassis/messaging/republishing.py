"""Publishes again what Kafka lost, or what an operator asks for.

The commits are the truth, and a topic can be refilled from them at any time. An event keeps its id, so its
consumers recognise it. A publisher remembers the highest acknowledged offset of each partition. If a topic
ends before that, or is empty while there are events, it was lost or recreated: first a job is stored, then
the commits are published again, page by page. `bmt republish` stores the same job by hand.

`bmt prune` removes working copies some time after a request was filed, and with them what recognises an
event. So nothing is republished that was recorded before what was pruned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiokafka import TopicPartition

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, Unavailable
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.messaging.positions import Positions
from bmt.chassis.runtime.clock import Clock
from bmt.chassis.work.jobs import Job, Jobs

log = structlog.get_logger(__name__)

COLLECTION: Final = "republishing"
PAGE: Final = 500
PAUSE_SECONDS: Final = 0.02
"""Between two pages, so that new commits go on flowing."""
LOOK_EVERY_SECONDS: Final = 1.0
CHECK_EVERY_SECONDS: Final = 60.0
PRUNED_MARGIN: Final = timedelta(hours=1)
"""Clocks of several machines differ by less."""


Publish = Callable[[Sequence[Commit]], Awaitable[int]]
"""Publishes the events of these commits. Returns how many."""


class Republishing:
    """Finds what Kafka lost of one publisher, and publishes it again."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        positions: Positions,
        store: EventStore,
        topics: Collection[str],
        broker: KafkaPublisher,
        clock: Clock,
    ) -> None:
        """`topics` are those of this service alone. Without one of them it publishes nothing."""
        self._jobs = jobs
        self._positions = positions
        self._store = store
        self._topics = sorted(topics)
        self._receivers: list[str] = []
        self._broker = broker
        self._clock = clock
        self._since: datetime | None = None
        self._filling = False
        self._checked_at: datetime | None = None

    def watch(self, topics: Collection[str]) -> None:
        """Compare these too: topics of single receivers, of which one may be missing."""
        self._receivers += topics

    async def check(self) -> None:
        """Compare the topics with what was acknowledged. Begin jobs for those that are behind.

        Raises:
            Unavailable: a part is unreachable; publish nothing before this has succeeded.
        """
        topics = [*self._topics, *self._receivers]
        ends = await self._broker.ends(topics)
        there = {place.topic for place in ends}
        if not there.issuperset(self._topics):
            raise BrokerUnavailable
        known = await self._positions.published(topics)
        for topic in sorted(there):
            here = {place: end - 1 for place, end in ends.items() if place.topic == topic}
            if any(known.get(place, -1) > last for place, last in here.items()):
                await self._begin(topic, "the topic ends before what it had acknowledged", here)
            elif (
                not here.keys() & known.keys()
                and set(here.values()) == {-1}
                and await self._published_before()
            ):
                await self._begin(topic, "the topic is empty though there are events", here)
            else:
                await self._positions.advance_published(
                    {place: last for place, last in here.items() if known.get(place) != last}
                )
        self._checked_at = self._clock()
        await self._look()

    async def check_now_and_then(self) -> None:
        """As `check`, at most once a minute."""
        now = self._clock()
        if self._checked_at is None or now - self._checked_at >= timedelta(
            seconds=CHECK_EVERY_SECONDS
        ):
            await self.check()

    async def acknowledged(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Save how far the topics have come, before their commits count as delivered."""
        await self._positions.advance_published(offsets)

    async def earlier(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """While topics are refilled: what must go before these, each stream's from its beginning."""
        if not self._filling:
            return ()
        first: dict[str, int] = {}
        for commit in commits:
            first[commit.stream] = min(commit.version, first.get(commit.stream, commit.version))
        streams = await self._store.load(
            [stream for stream, version in first.items() if version > 1]
        )
        return [
            commit
            for stream, history in streams.items()
            for commit in history
            if commit.version < first[stream]
            and not commit.outbox
            and (self._since is None or commit.recorded_at >= self._since)
        ]

    async def _published_before(self) -> bool:
        """Whether a topic ever had events. Asked once, at the first start of this version."""
        after: tuple[str, int] | None = None
        while page := await self._store.recorded_after(after, limit=PAGE):
            if any(commit.sequence and not commit.outbox for commit in page):
                return True
            after = (page[-1].stream, page[-1].version)
        return False

    async def _begin(self, topic: str, reason: str, ends: Mapping[TopicPartition, int]) -> None:
        """Store the job first: whoever finds the positions reset must find the job too."""
        log.error("publishing_again", topic=topic, reason=reason)
        await self._jobs.add(Job(f"lost:{topic}", reason, self._clock()))
        await self._positions.reset_published(ends)

    async def _look(self) -> None:
        filling = [job for job in await self._jobs.open() if job.stream is None]
        pruned = await self._pruned()
        if filling:
            # Set together: a commit may be delivered at any await.
            known = [job.since for job in filling]
            since = None if None in known else min(each for each in known if each)
            self._since = max((each for each in (since, pruned) if each), default=None)
        self._filling = bool(filling)

    async def _pruned(self) -> datetime | None:
        before = await self._positions.pruned_before()
        return before + PRUNED_MARGIN if before else None

    async def run(self, publish: Publish) -> None:
        while True:
            try:
                await self._look()
                while (job := await self._jobs.take(self._clock())) is not None:
                    await self._work(job, publish)
                    await self._look()
            except Unavailable as error:
                log.warning("republishing_waits", part=error.part)
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _work(self, job: Job, publish: Publish) -> None:
        pruned = await self._pruned()
        since = max((each for each in (job.since, pruned) if each), default=None)
        current: Job | None = job
        while current is not None:
            page = await self._page(current, since)
            if not page:
                if await self._jobs.finish(current, self._clock()):
                    log.info("published_again", job=current.id, events=current.events)
                return
            events = await publish([commit for commit in page if not commit.outbox])
            crash_points.reached("republishing.page_published")
            current = await self._jobs.advance(current, page[-1], self._clock(), {"events": events})
            await asyncio.sleep(PAUSE_SECONDS)

    async def _page(self, job: Job, since: datetime | None) -> Sequence[Commit]:
        if job.stream is None:
            return await self._store.recorded_after(job.after, since=since, limit=PAGE)
        if job.after is not None:
            return ()
        history = (await self._store.load([job.stream]))[job.stream]
        return [commit for commit in history if since is None or commit.recorded_at >= since]
