"""Looking at the targets for people: bounded, so that it can neither hang nor be a burden to them."""

import asyncio

from bmt.chassis.errors import Unavailable
from services.provisioning.connectors.targets import Case, Outlook, Targets
from services.provisioning.domain.events import TaskCompleted
from services.provisioning.domain.order import Order


class Looks:
    """So many looks at a time, and each so long at the most, its wait for a turn included."""

    def __init__(self, targets: Targets, *, at_once: int, seconds: float) -> None:
        """Looks at `targets`, behind the same breakers as the work that changes them."""
        self._targets = targets
        self._turns = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def outlook(self, order: Order, statement: TaskCompleted | None) -> Outlook:
        """As `Targets.outlook`; nothing is changed, nor settled.

        Raises:
            Unavailable: a target is away, is not settled, or all was not told in time.
        """
        try:
            async with asyncio.timeout(self._seconds), self._turns:
                return await self._targets.outlook(Case(order, statement))
        except TimeoutError as slow:
            raise Unavailable("targets", retry_after_seconds=2) from slow
