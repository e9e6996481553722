"""Which messages are read again after intake ended in the middle."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from eventually import eventually

from bmt.chassis.errors import Unavailable
from bmt.chassis.runtime.documents import received_bytes
from services.intake.mailbox import LONGEST_READING, Taking, turn_of

NOW = datetime(2026, 11, 2, 8, tzinfo=UTC)
JUST_NOW = NOW - timedelta(seconds=1)
LONG_AGO = NOW - LONGEST_READING


@pytest.mark.parametrize(
    ("begun", "turn"),
    [
        ([], "read"),
        ([LONG_AGO], "read"),
        ([JUST_NOW], "read"),  # another replica reads it, or one died just now
        ([JUST_NOW, JUST_NOW], "leave"),  # it cannot be told which of the two
        ([LONG_AGO, JUST_NOW], "leave"),
        ([LONG_AGO, LONG_AGO], "give_up"),
        ([LONG_AGO, LONG_AGO, JUST_NOW], "give_up"),
    ],
)
def test_a_message_is_given_up_once_two_readings_of_it_ended_with_their_process(begun, turn):
    assert turn_of(begun, NOW) == turn


class Parts:
    """What a message is taken in with: a reader that is busy until it is let go, and no store."""

    def __init__(self):
        self.begun = []
        self.free = asyncio.Event()

    async def find(self, _):
        return {}

    async def turn(self, _):
        return "read"

    async def begin(self, cause):
        self.begun.append(cause)
        return cause

    async def end(self, cause, name):
        self.begun.append(f"{name} ended")

    async def mail(self, _, *, found):
        assert found
        await self.free.wait()

    async def receive(self, *_):
        raise Unavailable("mongodb")


async def test_a_reading_is_written_down_once_it_begins_and_not_while_it_waits_for_another():
    parts, home = Parts(), SimpleNamespace(code="MAMPU")
    take = Taking(None, parts, parts, parts, parts.receive, 1000)
    waiting = [
        asyncio.create_task(take(home, await received_bytes(content))) for content in (b"a", b"b")
    ]
    await eventually(lambda: bool(parts.begun))
    assert len(parts.begun) == 1
    parts.free.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    first, ended, second, _ = parts.begun
    assert ended == f"{first} ended"
    assert first != second
