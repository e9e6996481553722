"""What changed: listed, counted, and told at once to whoever looks."""

import asyncio
from datetime import timedelta

import pytest
from fixtures.memory_view_store import MemoryViewStore
from fixtures.samples import received
from folds import checked
from reviews import REQUEST, opened, papers, rejected
from test_review_view import OPENED_AT, incoming

from bmt.chassis.http import bodies
from bmt.chassis.http.bodies import ChangeSignal
from bmt.chassis.readmodels.views import ViewProjection
from bmt.contracts.http.approval import WorklistChanged
from services.approval import views
from services.approval.views import REVIEWS

BEFORE = OPENED_AT - timedelta(seconds=1)


@pytest.fixture
async def reviews():
    reviews = ViewProjection(checked(REVIEWS), MemoryViewStore())
    await reviews.apply(
        [incoming(opened(warnings=("not_serving",))), incoming(papers(received(REQUEST)), 2)]
    )
    return reviews


@pytest.fixture
def look(reviews):
    """`look(since)`: finds how many requests changed."""

    def look(since):
        async def found():
            count = await views.changes(reviews, "MAMPU", since)
            return WorklistChanged(count=count) if count else None

        return found

    return look


async def first(stream):
    """The first change that a stream tells."""
    async for event in stream:
        if event.event == "changed":
            return event.data
    return None


async def test_what_this_process_does_is_told_at_once(reviews, look, monkeypatch):
    monkeypatch.setattr(bodies, "LOOKS_EVERY_SECONDS", 60)
    change_signal = ChangeSignal()
    told = asyncio.create_task(
        first(bodies.live_changes(look(OPENED_AT + timedelta(seconds=1)), change_signal))
    )
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    decided = incoming(rejected(), 3)
    await reviews.apply([decided])
    await change_signal.apply([decided])
    assert await asyncio.wait_for(told, 5) == WorklistChanged(count=1)


async def test_what_another_process_did_is_seen_when_it_is_looked_for_again(
    reviews, look, monkeypatch
):
    monkeypatch.setattr(bodies, "LOOKS_EVERY_SECONDS", 0.01)
    told = asyncio.create_task(
        first(bodies.live_changes(look(OPENED_AT + timedelta(seconds=1)), ChangeSignal()))
    )
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    await reviews.apply([incoming(rejected(), 3)])
    assert await asyncio.wait_for(told, 5) == WorklistChanged(count=1)


async def test_a_stream_ends_by_itself_and_says_when_to_come_again(look):
    events = [event async for event in bodies.live_changes(look(BEFORE), ChangeSignal(), 0)]
    assert [(event.comment, event.retry) for event in events] == [("open", 500)]


async def test_what_is_as_it_was_is_not_told_again(look, monkeypatch):
    monkeypatch.setattr(bodies, "LOOKS_EVERY_SECONDS", 0.01)
    events = [event async for event in bodies.live_changes(look(BEFORE), ChangeSignal(), 0.1)]
    assert [event.event for event in events] == [None, "changed"]
