"""The offset is committed before what the records led to is written; then the process dies."""

from faults.planting.worst_moment import die_once

from bmt.chassis.messaging.consumer import Consumer, _last

SERVICE = "approval"
FOUND_BY = ("I8", "I10")


def plant() -> None:
    handle = Consumer._handle

    async def too_early(self, client, polled):
        await self._positions.save_consumed({place: _last(raws) for place, raws in polled.items()})
        await self._commit(client, {place: raws[-1].offset + 1 for place, raws in polled.items()})
        die_once()
        await handle(self, client, polled)

    Consumer._handle = too_early
