"""A request is answered before it is written; then the process dies."""

import asyncio

from faults.planting.worst_moment import die_once

from bmt.chassis.eventsourcing.event_store import Appended, MongoEventStore

SERVICE = "intake"
FOUND_BY = ("I1",)
LATER_SECONDS = 0.3

_appended = []


def plant() -> None:
    append = MongoEventStore.append

    async def careless(self, commits):
        _appended.extend(commits)
        if len(_appended) != len(commits):
            return await append(self, commits)
        asyncio.get_running_loop().call_later(LATER_SECONDS, die_once)
        return [Appended(commit) for commit in commits]

    MongoEventStore.append = careless
