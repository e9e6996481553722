"""A timeout that holds even for a call that resists cancellation."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """The call's result. A call that takes longer is cancelled and abandoned.

    Raises:
        TimeoutError: it took longer, or was cancelled by its own client, which must not cancel the caller.
    """
    task = asyncio.ensure_future(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    if task.cancelled():
        raise TimeoutError
    return task.result()
