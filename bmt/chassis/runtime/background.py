"""Tasks beside the HTTP server. None ends unnoticed."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

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
    """Seconds after so many failures in a row: random between `least` and the doubled `first` (full jitter)."""
    ceiling = min(longest, first * 2.0 ** min(failures, MOST_DOUBLINGS))
    return random.uniform(least, ceiling)  # noqa: S311  nobody guesses it
