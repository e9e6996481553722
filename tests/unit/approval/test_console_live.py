"""What changed, told to pages that are open: of an agency, and of one request."""

import asyncio
from datetime import timedelta

import pytest
from fixtures.memory_view_store import MemoryViewStore
from fixtures.samples import received
from folds import checked
from reviews import DUE, REQUEST, opened, papers, rejected
from services.approval.console import live as live_
from services.approval.console.live import ChangeSignal, Live
from test_review_view import OPENED_AT, incoming

from bmt.chassis.http.pagination import PageRequest
from bmt.chassis.readmodels.views import ViewProjection
from services.approval import views
from services.approval.views import REVIEWS, Wanted

BEFORE = OPENED_AT - timedelta(seconds=1)


async def for_ever():
    return True


@pytest.fixture
async def reviews():
    reviews = ViewProjection(checked(REVIEWS), MemoryViewStore())
    await reviews.apply(
        [incoming(opened(warnings=("not_serving",))), incoming(papers(received(REQUEST)), 2)]
    )
    return reviews


async def first(stream):
    """The first change that a stream tells."""
    async for event in stream:
        if event.event == "changed":
            return event.data
    return None


async def test_a_request_that_is_decided_elsewhere_is_told_at_once(reviews, monkeypatch):
    monkeypatch.setattr(live_, "LOOKS_EVERY_SECONDS", 60)
    change_signal = ChangeSignal()
    stream = Live(reviews, change_signal).of_request(
        REQUEST.request_id, 1, lambda one: one.status, for_ever
    )
    told = asyncio.create_task(first(stream))
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    decided = incoming(rejected(), 3)
    await reviews.apply([decided])
    await change_signal.apply([decided])
    assert await asyncio.wait_for(told, 5) == {"what": "rejected"}


async def test_what_another_process_did_is_seen_when_it_is_looked_for_again(reviews, monkeypatch):
    monkeypatch.setattr(live_, "LOOKS_EVERY_SECONDS", 0.01)
    stream = Live(reviews, ChangeSignal()).of_agency(
        "MAMPU", OPENED_AT + timedelta(seconds=1), for_ever
    )
    told = asyncio.create_task(first(stream))
    await asyncio.sleep(0)  # no time: others have their turn of the loop
    await reviews.apply([incoming(rejected(), 3)])
    assert await asyncio.wait_for(told, 5) == {"count": "1"}


async def test_a_stream_ends_by_itself_and_says_when_to_come_again(reviews, monkeypatch):
    monkeypatch.setattr(live_, "LASTS_SECONDS", 0)
    stream = Live(reviews, ChangeSignal()).of_agency("MAMPU", BEFORE, for_ever)
    events = [event async for event in stream]
    assert [(event.comment, event.retry) for event in events] == [("open", 500)]


async def test_a_stream_ends_with_the_session_it_was_opened_in_and_tells_nothing_more(
    reviews, monkeypatch
):
    monkeypatch.setattr(live_, "LOOKS_EVERY_SECONDS", 0.01)
    signed_in = True

    async def goes_on():
        return signed_in

    stream = Live(reviews, ChangeSignal()).of_agency("MAMPU", BEFORE, goes_on)
    assert await first(stream) == {"count": "1"}
    signed_in = False
    await reviews.apply([incoming(rejected(), 3)])
    assert await asyncio.wait_for(first(stream), 5) is None


@pytest.mark.parametrize(
    ("agency", "since", "found"),
    [("MAMPU", BEFORE, 1), ("MAMPU", OPENED_AT + timedelta(days=999), 0), ("JPA", BEFORE, 0)],
)
async def test_changes_are_an_agencys_own_and_those_since_then(reviews, agency, since, found):
    assert len(await views.changed(reviews, agency, since, 10)) == found
    assert await views.changes(reviews, agency, since) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), 1),
        (Wanted(kind="application"), 1),
        (Wanted(kind="termination"), 0),
        (Wanted(warned=True), 1),
        (Wanted(warned=False), 0),
        (Wanted(due_before=DUE), 0),
        (Wanted(due_before=DUE + timedelta(seconds=1)), 1),
    ],
)
async def test_the_worklist_is_narrowed(reviews, wanted, found):
    page = PageRequest(limit=50, after=None)
    assert len(await views.worklist(reviews, "MAMPU", page, wanted)) == found
