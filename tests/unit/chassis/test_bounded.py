"""A call that hangs, and does not even let itself be cancelled, holds up nobody."""

import asyncio
from contextlib import suppress

import pytest

from bmt.chassis.messaging.kafka_client import bounded


async def test_who_does_not_end_is_left_behind():
    let_go = asyncio.Event()

    async def stubborn():
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await let_go.wait()

    with pytest.raises(TimeoutError):
        await bounded(stubborn(), 0.01)
    let_go.set()


async def test_a_call_that_gives_itself_up_does_not_end_its_caller():
    async def call() -> None:
        raise asyncio.CancelledError

    with pytest.raises(TimeoutError):
        await bounded(call(), 5)
