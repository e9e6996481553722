"""Eligibility without a call before the answer: a snapshot of the directory, at most 60 s old.

What the snapshot would warn about is looked up once more, live, where that is quick: an account that
was added a second ago is not called unregistered.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

import structlog
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.contracts.events import Configured
from services.intake.directory.scim import DirectoryUnavailable, DirectoryUnclear
from services.intake.domain.submission import AccountStatus

log = structlog.get_logger(__name__)

OLDEST_SECONDS: Final = 60.0
LOOK_UP_SECONDS: Final = 1.0
AT_ONCE: Final = 4
"""Live look-ups at the same time."""
REST_SECONDS: Final = 0.05
"""After each, so long nobody takes its place: at most 80 look-ups a second, whatever comes in."""
MOST_WAITING: Final = 20
"""Calls that wait for a look-up, a quarter of a second at most; the others get the snapshot's answer."""
PAUSE_SECONDS: Final = 2.0
"""After a look-up failed, so long nobody waits for the next."""
FIRST_RETRY_SECONDS: Final = 0.5


class Source(Protocol):
    """Where the accounts are."""

    async def everybody(self) -> dict[str, AccountStatus]:
        """All accounts by userName in lower case, or `DirectoryUnavailable`."""
        ...

    async def look_up(self, account: str) -> AccountStatus:
        """One account as it is now, or `DirectoryUnavailable`, or `DirectoryUnclear` of it alone."""
        ...


class Directory:
    """Answers from the newest snapshot, and asks live when in doubt."""

    def __init__(
        self,
        source: Source,
        refresh_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read before `run` (or a question that cannot wait for it)."""
        self._source = source
        self._refresh_seconds = refresh_seconds
        self._monotonic = monotonic
        self._accounts: dict[str, AccountStatus] = {}
        self._taken_at = float("-inf")
        self._doubted: dict[str, float] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._paused_until = float("-inf")

    async def run(self) -> None:
        """Refresh until cancelled; a directory that is away is asked again soon."""
        failures = 0
        while True:
            try:
                await self.refresh()
                failures, pause = 0, self._refresh_seconds
            except DirectoryUnavailable:
                failures += 1
                log.warning("directory_away", failures=failures)
                pause = min(self._refresh_seconds, FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10))
            await asyncio.sleep(pause * random.uniform(0.8, 1.0))  # noqa: S311  jitter

    async def refresh(self) -> None:
        """Read everybody anew.

        Raises:
            DirectoryUnavailable: the old snapshot stays, and ages.
        """
        began = self._monotonic()
        self._accounts = await self._source.everybody()
        self._taken_at = began
        self._doubted = {name: at for name, at in self._doubted.items() if at >= began}
        self._paused_until = float("-inf")

    def doubt(self, account: str) -> None:
        """The account was just changed: until the next snapshot it is looked up."""
        self._doubted[account.casefold()] = self._monotonic()

    @property
    def paused(self) -> bool:
        """Whether look-ups are left out for now, because one failed."""
        return self._monotonic() < self._paused_until

    async def standing(
        self, account: str, is_fine: Callable[[AccountStatus], bool]
    ) -> AccountStatus | None:
        """What the directory says of `account`; None when it cannot be asked.

        Args:
            account: a userName, in any case.
            is_fine: whether a standing needs no second look.
        """
        name = account.casefold()
        fresh = self._monotonic() - self._taken_at <= OLDEST_SECONDS
        held = self._accounts.get(name, AccountStatus(registered=False)) if fresh else None
        if held is not None and name not in self._doubted and is_fine(held):
            return held
        if self.paused or (held is not None and self._waiting >= MOST_WAITING):
            return held
        return await self._look_up(name, otherwise=held)

    async def _look_up(self, name: str, otherwise: AccountStatus | None) -> AccountStatus | None:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS), self._slot():
                return otherwise if self.paused else await self._source.look_up(name)
        except DirectoryUnclear:
            # A record that was left out of the snapshot is not one that there is none of.
            return self._accounts.get(name) if otherwise else None
        except (DirectoryUnavailable, TimeoutError):
            self._paused_until = self._monotonic() + PAUSE_SECONDS
            return otherwise

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            asyncio.get_running_loop().call_later(REST_SECONDS, self._slots.release)


# What provisioning just changed is looked up anew: a snapshot would not know of it yet.


class DirectoryInvalidation:
    """Hears `Configured`. A replica that does not hear it knows with its next snapshot."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def apply(self, incoming: Sequence[IncomingEvent[BaseModel]]) -> None:
        for event in incoming:
            if isinstance(event.data, Configured):
                self._directory.doubt(event.data.request.applicant.account)
