"""The outbox mark is unset before the broker acknowledged; then the process dies."""

from faults.planting.worst_moment import die_once

from bmt.chassis.messaging.relay import Relay

SERVICE = "approval"
FOUND_BY = ("I3", "I10")


def plant() -> None:
    publish = Relay._publish_and_unset

    async def backwards(self, commits):
        await self._store.delivered([commit.id for commit in commits])
        die_once()
        await publish(self, commits)

    Relay._publish_and_unset = backwards
