"""What runs beside the server ends when it is asked to, not in the middle of a step, and never unseen."""

import asyncio
from contextlib import suppress

import pytest

from bmt.chassis.runtime import background


async def test_whoever_cancels_waits_for_the_steps_end():
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def step() -> None:
        begun.set()
        await may_end.wait()
        ended.set()

    task = asyncio.create_task(background.whole(step()))
    await begun.wait()
    task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_but_not_for_ever(monkeypatch):
    monkeypatch.setattr(background, "GRACE_SECONDS", 0.01)
    cut_off = asyncio.Event()

    async def step() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()

    task = asyncio.create_task(background.whole(step()))
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert cut_off.is_set()


async def test_a_task_that_a_client_of_its_own_cancels_is_not_taken_for_one_that_was_asked_to_end():
    async def task() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="ended"):
        await background.forever(task)
