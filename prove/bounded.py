"""Waits for a client's call no longer than so long, even where the call does not let itself be cancelled."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def bounded(call: Coroutine[Any, Any, T], seconds: float) -> T:
    """What the call comes to. It is left behind, cancelled, when it takes longer.

    Raises:
        TimeoutError: it did, or it gave itself up: a client that is being stopped cancels its own
            calls, and their caller, whom nobody cancelled, is not to end with them.
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
