"""What a process does and keeps beside its calls: tasks that never end unnoticed, group commit, the entries used last."""

import asyncio
import os
import random
import signal
import sys
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, TypeVar

import structlog

from bmt.chassis.errors import Unavailable, WrongConfiguration
from bmt.chassis.runtime.settings import WRONG_CONFIGURATION

log = structlog.get_logger(__name__)

Task = Callable[[], Awaitable[None]]

GRACE_SECONDS: Final = 2.0
"""How long a stop waits for a running step."""


@asynccontextmanager
async def running(tasks: Sequence[Task]) -> AsyncIterator[None]:
    """Run `tasks` for as long as the block does.

    A task that fails stops the process. The supervisor restarts it, and the store still has the unfinished work.
    """
    started = [asyncio.create_task(_watched(task)) for task in tasks]
    try:
        yield
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def _watched(task: Task) -> None:
    try:
        await task()
    except WrongConfiguration as error:
        # Nothing was begun, and a restart would find the same.
        sys.stderr.write(f"{error}\n")
        os._exit(WRONG_CONFIGURATION)
    except Exception:
        log.exception("background_failed")
        os.kill(os.getpid(), signal.SIGTERM)


async def forever(task: Task) -> None:
    """Await a task that is not meant to end.

    Raises:
        RuntimeError: it ended, or a client in it cancelled a call of its own. A group of tasks takes such a
            cancellation for the task's end, and reports nothing.
    """
    try:
        await task()
    except asyncio.CancelledError:
        if _is_cancelled():
            raise
    raise RuntimeError(f"{task} ended")


def _is_cancelled() -> bool:
    this = asyncio.current_task()
    return this is not None and this.cancelling() > 0


async def until_there(task: Task) -> None:
    """Await `task`, again and again while a part that it needs is unreachable."""
    while True:
        try:
            await task()
        except Unavailable as error:
            log.warning("waiting_for_part", part=error.part)
            await asyncio.sleep(random.uniform(0.1, 1.0))  # noqa: S311  jitter
        else:
            return


async def whole(step: Coroutine[Any, Any, None]) -> None:
    """Await `step`. A cancelled caller still waits for its end, `GRACE_SECONDS` at most."""
    under_way = asyncio.ensure_future(step)
    try:
        await asyncio.shield(under_way)
    except asyncio.CancelledError:
        await asyncio.wait([under_way], timeout=GRACE_SECONDS)
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
        raise


MOST_DOUBLINGS = 10


def backoff(failures: int, *, first: float, longest: float, least: float = 0.0) -> float:
    """Seconds to wait after this many failures in a row: random between `least` and the doubled `first` (full jitter)."""
    ceiling = min(longest, first * 2.0 ** min(failures, MOST_DOUBLINGS))
    return random.uniform(least, ceiling)  # noqa: S311  nobody guesses it


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


K = TypeVar("K")
V = TypeVar("V")


class LruCache(Generic[K, V]):
    """Keeps the `limit` entries that were put or read last. The others must be available elsewhere."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        self._entries.pop(key, None)

    def clear(self) -> None:
        self._entries.clear()
