"""What runs beside the server ends when it is asked to, not in the middle of a step, and never unseen."""

import asyncio
from contextlib import suppress

import pytest

from bmt.chassis.runtime import background
from bmt.chassis.runtime.background import Batcher


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


class Slow:
    """Processes a batch when it is let go."""

    def __init__(self) -> None:
        self.batches = []
        self.go = asyncio.Event()

    async def __call__(self, items):
        self.batches.append(list(items))
        await self.go.wait()
        if "bad" in items:
            raise ValueError("a bad item")
        return [item * 2 for item in items]


async def test_what_arrives_meanwhile_goes_together():
    slow = Slow()
    batcher = Batcher(slow)
    first = asyncio.create_task(batcher.submit([1]))
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    later = [asyncio.create_task(batcher.submit([n, n])) for n in (2, 3)]
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    slow.go.set()
    assert await first == [2]
    assert await asyncio.gather(*later) == [[4, 4], [6, 6]]
    assert slow.batches == [[1], [2, 2, 3, 3]]


async def test_a_batch_has_a_limit_but_a_caller_is_never_split():
    slow = Slow()
    batcher = Batcher(slow, limit=2)
    slow.go.set()
    calls = [batcher.submit(items) for items in ([1, 1, 1], [2], [3], [4])]
    await asyncio.gather(*calls)
    assert slow.batches == [[1, 1, 1], [2, 3], [4]]


async def test_a_failure_reaches_each_caller_of_its_batch_and_no_other():
    slow = Slow()
    batcher = Batcher(slow)
    slow.go.set()
    with pytest.raises(ValueError, match="a bad item"):
        await batcher.submit(["bad"])
    assert await batcher.submit([5]) == [10]


async def test_a_caller_that_went_away_harms_no_other():
    slow = Slow()
    batcher = Batcher(slow)
    gone, stays = (asyncio.create_task(batcher.submit([n])) for n in (1, 2))
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    gone.cancel()
    slow.go.set()
    assert await stays == [4]
    await batcher.close()
