"""Compares what each service published with what its consumers recorded of it.

A consumer's commit has the id of the event that it consumed, so one index lookup shows whether it recorded
the event. The check reads the newest commits of every publisher, and looks up their events in each
consumer, some hundred at a time. An event that is missing for too long was lost between two services. It is
published again once, and reported until it is recorded. An operator runs it, with a MongoDB user of its
own. It knows the services' collections by name and imports nothing of them.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bmt.chassis.messaging import republishing
from bmt.chassis.messaging.consumer import POSITIONS, Positions
from bmt.chassis.messaging.parking import DISCARDED, PARKED
from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.runtime import mongodb
from bmt.contracts import topics
from bmt.contracts.events import (
    Approved,
    Configured,
    Event,
    Filed,
    Rejected,
    RequestReceived,
    ReturnedForCorrection,
    WithdrawalRequested,
    Withdrawn,
)

COMMITS: Final = "commits"
REQUESTS: Final = "requests"
"""Intake's view of every request, with its position in each publisher's stream."""
PUBLISHERS: Final = tuple(topics.WRITERS.values())
PAGE: Final = 500
UNORDERED_WITHIN: Final = timedelta(minutes=10)
"""Neighbouring commits in the collection were recorded within less."""
MISSING_AFTER: Final = timedelta(minutes=1)
"""An event that is unrecorded this long after its commit is missing."""
REPUBLISHED_AT_ONCE: Final = 1_000
"""Streams. More than that get one job for all of them."""
SHOWN: Final = 10

_AFTER_RECEIPT: Final = (
    *topics.EVENTS[topics.DECISIONS],
    *topics.EVENTS[topics.CONFIGURATIONS],
    *topics.EVENTS[topics.NOTIFICATIONS],
)
RECORDED_BY: Final[Mapping[str, tuple[type[Event], ...]]] = {
    "approval": (RequestReceived, WithdrawalRequested),
    "provisioning": (Approved,),
    "notification": (
        RequestReceived,
        Rejected,
        ReturnedForCorrection,
        Withdrawn,
        Configured,
    ),
    "records": (*topics.EVENTS[topics.REQUESTS], *_AFTER_RECEIPT),
    "intake": (*(event for event in _AFTER_RECEIPT if event not in topics.OF_GRANTS), Filed),
}
"""Which events each consumer always records. Events it may ignore are left out."""

_CONSUMERS: Final = {
    event.TYPE: [name for name, events in RECORDED_BY.items() if event in events]
    for event in {event for events in RECORDED_BY.values() for event in events}
}


@dataclass(frozen=True, slots=True)
class Missing:
    """An event that one consumer has not recorded."""

    publisher: str
    consumer: str
    event_id: str
    stream: str
    sequence: int
    recorded_at: datetime

    @property
    def subject(self) -> str:
        return self.stream.partition("-")[2]


@dataclass(frozen=True, slots=True)
class Gap:
    """What one consumer lacks of one publisher, with some of the requests. `oldest` is a commit's time, UTC."""

    publisher: str
    consumer: str
    events: int
    oldest: datetime
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in one service: commits to publish (and since when, UTC), parked events, and jobs."""

    outbox: tuple[int, datetime | None]
    parked: int
    republishing: int


def gaps(missing: Iterable[Missing]) -> list[Gap]:
    """The missing events, grouped by publisher and consumer."""
    found: dict[tuple[str, str], list[Missing]] = {}
    for one in missing:
        found.setdefault((one.publisher, one.consumer), []).append(one)
    return [
        Gap(
            *pair,
            events=len(each),
            oldest=min(one.recorded_at for one in each),
            requests=tuple(dict.fromkeys(one.subject for one in each))[:SHOWN],
        )
        for pair, each in found.items()
    ]


class Reconciliation:
    """The stores of all services, as one operator reads them."""

    def __init__(self, client: mongodb.Client, prefix: str) -> None:
        """`prefix` of every database, such as `bmt_`.

        The client's user may find in the services' commits, parked and discarded events, positions and intake's
        requests, and write into `republishing`.
        """
        self._databases = {service: client[f"{prefix}{service}"] for service in PUBLISHERS}

    async def missing(self, now: datetime, since: datetime | None = None) -> list[Missing]:
        """What was published since a moment, at least a minute ago, and is not recorded by all.

        `now` and `since` are UTC; without `since` all commits are compared.

        Raises:
            StoreUnavailable: ask again.
        """
        return await self._compared(now - MISSING_AFTER, since)

    async def missing_of(self, request_id: str) -> list[Missing]:
        """What was published about one request and is not recorded by all, however young it is; raises as `missing`."""
        return await self._compared(None, None, f"request-{request_id}")

    async def _compared(
        self, until: datetime | None, since: datetime | None, stream: str | None = None
    ) -> list[Missing]:
        pruned = {
            service: await Positions(database[POSITIONS]).pruned_before()
            for service, database in self._databases.items()
        }
        found = []
        for publisher in PUBLISHERS:
            async for page in self._published(publisher, until, since, stream):
                for consumer in PUBLISHERS:
                    begin = pruned[consumer]
                    due = [
                        event
                        for event in page.get(consumer, ())
                        if begin is None or event.recorded_at > begin + republishing.PRUNED_MARGIN
                    ]
                    unrecorded = await self._unrecorded(consumer, due)
                    found += await self._not_discarded(consumer, unrecorded)
        return found

    async def _published(
        self, publisher: str, until: datetime | None, since: datetime | None, stream: str | None
    ) -> AsyncIterator[Mapping[str, list[Missing]]]:
        """By consumer, page by page, the newest first; of one stream, or of all."""
        named = ("stream", "recorded_at", "events.id", "events.type", "events.sequence")
        fields = dict.fromkeys(named, 1)
        delivered: dict[str, Any] = {"outbox": {"$ne": True}}
        # Without an index: the newest are at the end of the collection, and only they are read.
        order = "$natural" if stream is None else "version"
        query = delivered if stream is None else delivered | {"stream": stream}
        published = self._databases[publisher][COMMITS].find(query, fields)
        cursor = published.sort(order, mongodb.DESCENDING).batch_size(PAGE)
        page: dict[str, list[Missing]] = {}
        size = 0
        with mongodb.store_errors():
            async for commit in cursor:
                recorded_at = commit["recorded_at"]
                if since is not None and recorded_at < since - UNORDERED_WITHIN:
                    break
                if (until and recorded_at > until) or (since and recorded_at < since):
                    continue
                for event in commit["events"]:
                    for consumer in _CONSUMERS.get(event["type"], ()) if event["sequence"] else ():
                        page.setdefault(consumer, []).append(
                            Missing(
                                publisher,
                                consumer,
                                event["id"],
                                commit["stream"],
                                event["sequence"],
                                recorded_at,
                            )
                        )
                        size += 1
                if size >= PAGE:
                    yield page
                    page, size = {}, 0
        yield page

    async def _unrecorded(self, consumer: str, published: Sequence[Missing]) -> list[Missing]:
        if not published:
            return []
        if consumer == "intake":
            return await self._not_shown(published)
        ids = {"_id": {"$in": [event.event_id for event in published]}}
        with mongodb.store_errors():
            recorded = self._databases[consumer][COMMITS].find(ids, {"_id": 1})
            recorded_ids = {commit["_id"] for commit in await recorded.to_list(None)}
        return [event for event in published if event.event_id not in recorded_ids]

    async def _not_shown(self, published: Sequence[Missing]) -> list[Missing]:
        """Intake records in a view: how far it has come in each publisher's stream."""
        requests = {"_id": {"$in": list({event.subject for event in published})}}
        with mongodb.store_errors():
            found = self._databases["intake"][REQUESTS].find(requests, {"_applied": 1})
            applied = {one["_id"]: dict(one["_applied"]) for one in await found.to_list(None)}
        return [
            event
            for event in published
            if applied.get(event.subject, {}).get(f"/bmt/{event.publisher}/{event.subject}", 0)
            < event.sequence
        ]

    async def _not_discarded(self, consumer: str, missing: Sequence[Missing]) -> list[Missing]:
        """Without what an operator gave up: republished, it would be parked again."""
        if not missing:
            return []
        of_these = {"key": {"$in": list({event.subject for event in missing})}}
        with mongodb.store_errors():
            found = self._databases[consumer][DISCARDED].find(of_these, {"headers": 1})
            given_up = {
                bytes(value).decode(errors="replace")
                for document in await found.to_list(None)
                for name, value in document["headers"]
                if name == "ce_id"
            }
        return [event for event in missing if event.event_id not in given_up]

    async def waiting(self) -> Mapping[str, "Waiting"]:
        return {name: await self._waiting(each) for name, each in self._databases.items()}

    async def _waiting(self, database: mongodb.Database) -> "Waiting":
        pending = {"outbox": True}
        with mongodb.store_errors():
            parked = await database[PARKED].count_documents({})
            count = await database[COMMITS].count_documents(pending)
            oldest = await database[COMMITS].find_one(pending, sort=[("recorded_at", 1)])
        jobs = await Jobs(database[republishing.COLLECTION]).open()
        return Waiting((count, oldest["recorded_at"] if oldest else None), parked, len(jobs))

    async def republish(self, missing: Sequence[Missing], now: datetime) -> int:
        """Republish what is missing, once. Returns the number of jobs.

        Events parked in their consumer wait for an operator there: republishing would not help.
        """
        wanted: dict[str, list[Missing]] = {}
        parked = {
            service: await self._parked(service) for service in {one.consumer for one in missing}
        }
        for one in missing:
            if one.subject not in parked[one.consumer]:
                wanted.setdefault(one.publisher, []).append(one)
        return sum([await self._add(publisher, each, now) for publisher, each in wanted.items()])

    async def _parked(self, service: str) -> set[str]:
        with mongodb.store_errors():
            return set(await self._databases[service][PARKED].distinct("key"))

    async def _add(self, publisher: str, missing: Sequence[Missing], now: datetime) -> int:
        """One job a stream, named for its last missing event. Very many streams get one job, from their oldest event on."""
        jobs = Jobs(self._databases[publisher][republishing.COLLECTION])
        last: dict[str, int] = {}
        for one in missing:
            last[one.stream] = max(one.sequence, last.get(one.stream, 0))
        reason = "a consumer has not recorded it"
        wanted = [
            Job(f"missing:{stream}:{sequence}", reason, now, stream)
            for stream, sequence in last.items()
        ]
        if len(wanted) > REPUBLISHED_AT_ONCE:
            oldest = min(one.recorded_at for one in missing)
            wanted = [Job(f"missing:{now:%Y-%m-%dT%H}", reason, now, since=oldest)]
        known = {job.id for job in await jobs.find([job.id for job in wanted])}
        new = [job for job in wanted if job.id not in known]
        for job in new:
            await jobs.add(job)
        return len(new)
