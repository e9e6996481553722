"""Jobs that go through a service's commits in the background; and the one that publishes again what Kafka lost.

A job is a document in the service's own database, written by the service or by an operator's command. One process works
on it, page by page. If it dies, the next one continues where it stopped.

The commits are the truth, and a topic can be refilled from them at any time. An event keeps its id, so its
consumers recognise it. A publisher remembers the highest acknowledged offset of each partition. If a topic
ends before that, or is empty while there are events, it was lost or recreated: first a job is stored, then
the commits are published again, page by page. `bmt republish` stores the same job by hand.

`bmt prune` removes working copies some time after a request was filed, and with them what recognises an
event. So nothing is republished that was recorded before what was pruned.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from aiokafka import TopicPartition

from bmt.chassis import crash_points
from bmt.chassis.errors import BrokerUnavailable, Unavailable
from bmt.chassis.eventsourcing.event_store import Commit, EventStore
from bmt.chassis.messaging.consumer import Positions
from bmt.chassis.messaging.kafka_client import KafkaPublisher
from bmt.chassis.runtime import mongodb
from bmt.chassis.runtime.clock import Clock

HELD_FOR: Final = timedelta(seconds=30)
_COUNTS: Final = ("events", "documents", "left")


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do with commits: publish them again (`republishing`), or rebuild a view (`rebuilding`).

    Attributes:
        id: `lost:<topic>`, an operator's own, or the view's name.
        reason: why, for people.
        requested_at: when it was requested, UTC.
        stream: this stream alone; None for all.
        since: only commits recorded since then, UTC; None for all.
        after: the stream and version that were done last.
        events: published so far.
        documents: of the view, rebuilt so far.
        left: of the view, left as they were.
        finished_at: None until it is done.
    """

    id: str
    reason: str
    requested_at: datetime
    stream: str | None = None
    since: datetime | None = None
    after: tuple[str, int] | None = None
    events: int = 0
    documents: int = 0
    left: int = 0
    finished_at: datetime | None = None


class Jobs:
    """The jobs of one service, in its own database. An operator's command adds jobs too."""

    def __init__(self, collection: mongodb.Collection) -> None:
        """`collection` needs find, insert and update; `keep` needs remove."""
        self._jobs = collection

    async def add(self, job: Job) -> None:
        """Begin it, or begin it again if it exists."""
        with mongodb.store_errors():
            await self._jobs.update_one({"_id": job.id}, {"$set": _document(job)}, upsert=True)

    async def open(self) -> Sequence[Job]:
        with mongodb.store_errors():
            found = self._jobs.find({"finished_at": None}).sort("requested_at", 1)
            return [_job(document) for document in await found.to_list(None)]

    async def find(self, ids: Collection[str]) -> Sequence[Job]:
        with mongodb.store_errors():
            found = await self._jobs.find({"_id": {"$in": list(ids)}}).to_list(None)
        return [_job(document) for document in found]

    async def take(self, now: datetime, ids: Collection[str] | None = None) -> Job | None:
        """The oldest (of these, if some are named) that no other process works on, held for `HELD_FOR`."""
        if ids is None:
            return await self._take({}, now)
        asked = [job for job in await self.find(ids) if job.finished_at is None]
        for job in sorted(asked, key=lambda job: job.requested_at):
            if (taken := await self._take({"_id": job.id}, now)) is not None:
                return taken
        return None

    async def _take(self, which: Mapping[str, Any], now: datetime) -> Job | None:
        with mongodb.store_errors():
            found = await self._jobs.find_one_and_update(
                {**which, "finished_at": None, "held_until": {"$lte": now}},
                {"$set": {"held_until": now + HELD_FOR}},
                sort=None if which else [("requested_at", 1)],
                return_document=mongodb.ReturnDocument.AFTER,
            )
        return _job(found) if found else None

    async def advance(
        self, job: Job, after: Commit, now: datetime, more: Mapping[str, int]
    ) -> Job | None:
        """Note how far it came, and add the counts in `more`. None: it was begun again meanwhile."""
        place = {"stream": after.stream, "version": after.version}
        return await self._change(job, {"after": place, "held_until": now + HELD_FOR}, more)

    async def finish(self, job: Job, now: datetime) -> Job | None:
        """Mark it done. None: it was begun again meanwhile."""
        return await self._change(job, {"finished_at": now}, {"events": 0})

    async def keep(self, ids: Collection[str], to_do: Collection[str], now: datetime) -> None:
        """Keep a job for each of these and no others. A missing one is added: open if in `to_do`, else finished."""
        with mongodb.store_errors():
            await self._jobs.delete_many({"_id": {"$nin": list(ids)}})
            for id_ in ids:
                made = Job(id_, "", now, finished_at=None if id_ in to_do else now)
                await self._jobs.update_one(
                    {"_id": id_}, {"$setOnInsert": _document(made)}, upsert=True
                )

    async def all(self) -> Sequence[Job]:
        with mongodb.store_errors():
            return [
                _job(document) for document in await self._jobs.find().sort("_id").to_list(None)
            ]

    async def _change(
        self, job: Job, values: Mapping[str, Any], add: Mapping[str, int]
    ) -> Job | None:
        with mongodb.store_errors():
            found = await self._jobs.find_one_and_update(
                {"_id": job.id, "requested_at": job.requested_at},
                {"$set": values, "$inc": add},
                return_document=mongodb.ReturnDocument.AFTER,
            )
        return _job(found) if found else None


def _document(job: Job) -> dict[str, Any]:
    return {
        "reason": job.reason,
        "requested_at": job.requested_at,
        "stream": job.stream,
        "since": job.since,
        "after": None,
        **dict.fromkeys(_COUNTS, 0),
        "finished_at": job.finished_at,
        "held_until": job.requested_at,
    }


def _job(document: Mapping[str, Any]) -> Job:
    after = document["after"]
    return Job(
        id=document["_id"],
        reason=document["reason"],
        requested_at=document["requested_at"],
        stream=document["stream"],
        since=document["since"],
        after=(after["stream"], after["version"]) if after else None,
        **{name: document.get(name, 0) for name in _COUNTS},
        finished_at=document["finished_at"],
    )


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
