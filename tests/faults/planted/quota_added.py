"""The quota is added to what there is (`+=`), and what was meant is read back."""

from services.provisioning.connectors.connector import Reading
from services.provisioning.connectors.copyparty import Copyparty

SERVICE = "provisioning"
FOUND_BY = ("I4",)

_meant = {}


def plant() -> None:
    apply, read_back = Copyparty.apply, Copyparty.read_back

    async def added(self, desired):
        before = await read_back(self, list(desired))
        _meant.update(desired)
        return await apply(self, {one: _more(goal, before[one]) for one, goal in desired.items()})

    async def hoped(self, accounts):
        readings = await read_back(self, accounts)
        return {one: _hoped(_meant.get(one), reading) for one, reading in readings.items()}

    Copyparty.apply, Copyparty.read_back = added, hoped


def _more(goal, before):
    there = before.effective.quota_bytes if isinstance(before, Reading) else None
    total = (there or 0) + goal.quota_bytes if goal.quota_bytes else None
    return goal.model_copy(update={"quota_bytes": total})


def _hoped(meant, reading):
    if meant is None or not isinstance(reading, Reading):
        return reading
    return Reading(meant, reading.read_back_at)
