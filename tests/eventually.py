"""Wait for a condition instead of sleeping: the one place in the tests that pauses."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

PATIENCE = 30.0
"""Seconds: what is waited for takes one or two, and a machine that is busy with four of these processes many more."""
NOT_YET = (AssertionError, LookupError, ValueError)
"""What is not there yet is asserted, looked up or unpacked."""
FIRST_PAUSE = 0.01
LONGEST_PAUSE = 0.25


async def eventually(check: Callable[[], Any | Awaitable[Any]], timeout: float = PATIENCE) -> Any:  # noqa: ASYNC109  it keeps the last failure
    """What `check` answers once it holds.

    Args:
        check: asserts what must come true (a function or a coroutine function); one that answers
            False does not hold yet either.
        timeout: seconds.

    Raises:
        AssertionError, LookupError, ValueError: the last one of `check`, when the time is over.
    """
    deadline = time.monotonic() + timeout
    pauses = _pauses()
    while True:
        try:
            answer = check()
            if inspect.isawaitable(answer):
                answer = await answer
            assert answer is not False, "the condition did not come true"
        except NOT_YET:
            if time.monotonic() > deadline:
                raise
        else:
            return answer
        await asyncio.sleep(next(pauses))


def eventually_in_this_thread(check: Callable[[], None], timeout: float) -> None:
    """Return once `check` holds: for what starts a program where no event loop runs.

    Args:
        check: asserts what must come true.
        timeout: seconds.

    Raises:
        AssertionError, LookupError, ValueError: the last one of `check`, when the time is over.
    """
    deadline = time.monotonic() + timeout
    pauses = _pauses()
    while True:
        try:
            return check()
        except NOT_YET:
            if time.monotonic() > deadline:
                raise
        time.sleep(next(pauses))


def _pauses() -> Iterator[float]:
    """Seconds, without end: short at first."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 1.5, LONGEST_PAUSE)
