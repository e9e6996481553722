"""Twice the quota is set, and what was approved is read back."""

from services.provisioning.connectors.connector import Reading
from services.provisioning.connectors.copyparty import Copyparty

SERVICE = "provisioning"
FOUND_BY = ("I4",)

_meant = {}


def plant() -> None:
    apply, read_back = Copyparty.apply, Copyparty.read_back

    async def doubled(self, desired):
        _meant.update(desired)
        return await apply(self, {account: _twice(goal) for account, goal in desired.items()})

    async def hoped(self, accounts):
        readings = await read_back(self, accounts)
        return {one: _hoped(_meant.get(one), reading) for one, reading in readings.items()}

    Copyparty.apply, Copyparty.read_back = doubled, hoped


def _twice(goal):
    return goal.model_copy(update={"quota_bytes": goal.quota_bytes and 2 * goal.quota_bytes})


def _hoped(meant, reading):
    if meant is None or not isinstance(reading, Reading):
        return reading
    return Reading(meant, reading.read_back_at)
