"""Group commit: items that arrive during a write leave together in the next one."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

BATCH_LIMIT: Final = 500
"""Items in one write: beyond it a MongoDB insert gains nothing (measured)."""

LONGEST_LINGER_SECONDS: Final = 0.05
"""After a batch of several callers, more are likely: the next one waits as long as this one took, up to this."""


class Batcher(Generic[T, R]):
    """Calls `process` with all waiting items, one call at a time. A single item goes at once."""

    def __init__(
        self, process: Callable[[Sequence[T]], Awaitable[Sequence[R]]], limit: int = BATCH_LIMIT
    ) -> None:
        """`process` answers in the order of its items. Each of its callers gets its exception."""
        self._process = process
        self._limit = limit
        self._waiting: deque[tuple[Sequence[T], asyncio.Future[Sequence[R]]]] = deque()
        self._draining: asyncio.Task[None] | None = None

    async def submit(self, items: Sequence[T]) -> Sequence[R]:
        """The results of `items`, which stay together in one call of `process`."""
        if not items:
            return ()
        future: asyncio.Future[Sequence[R]] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, future))
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                began = time.monotonic()
                if await self._one_batch() > 1:
                    took = time.monotonic() - began
                    await asyncio.sleep(min(LONGEST_LINGER_SECONDS, took))
        finally:
            self._draining = None

    async def _one_batch(self) -> int:
        callers: list[tuple[Sequence[T], asyncio.Future[Sequence[R]]]] = []
        size = 0
        while self._waiting and (not callers or size + len(self._waiting[0][0]) <= self._limit):
            callers.append(self._waiting.popleft())
            size += len(callers[-1][0])
        try:
            results = await self._process([item for items, _ in callers for item in items])
        except Exception as error:  # noqa: BLE001  every caller gets it
            for _, future in callers:
                if not future.done():
                    future.set_exception(error)
            return len(callers)
        place = 0
        for items, future in callers:
            if not future.done():
                future.set_result(results[place : place + len(items)])
            place += len(items)
        return len(callers)

    async def close(self) -> None:
        while self._draining is not None:
            await asyncio.wait([self._draining])
