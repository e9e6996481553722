"""A worker marks its work as done, and then does it; in between the process dies."""

import asyncio

from faults.planting.worst_moment import die_once

from bmt.chassis.work import Remove, Worker

SERVICE = "notification"
FOUND_BY = ("I10",)


def plant() -> None:
    work = Worker._work

    async def hasty(self, items):
        await self._queue.change([Remove(item.id) for item in items])
        if self.target == "smtp":
            await asyncio.sleep(1)  # what promised the work is said by then
            die_once()
        await work(self, items)

    Worker._work = hasty
