"""Jobs that go through a service's commits in the background, page by page, one process each.

A job is a document in the service's own database, written by the service or by an operator's command. If a
process dies, the next one continues where it stopped.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bmt.chassis.eventsourcing.event_store import Commit
from bmt.chassis.runtime import mongodb

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
