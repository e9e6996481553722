"""The parking lot: what waits can be found, tried again or given up, and nothing is lost by it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bmt.chassis.messaging.parking import (
    LEASE,
    QUEUED_BEHIND,
    TRIES,
    Discarding,
    Parked,
    ParkingLot,
    Record,
    after_failure,
)

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DISCARDING = Discarding(by="aida", reason="its request was withdrawn on paper", at=NOON)


@pytest.fixture
async def lot(database):
    lot = ParkingLot(database["parked"])
    await lot.prepare()
    return lot


def parked(offset=0, *, key="one", due_at=None, tries=TRIES) -> Parked:
    headers = (("ce_type", b"test.Posted.v1"), ("odd", b"\xff\x00"))
    record = Record("test.parcels.v1", 0, offset, key, headers, b'{"weight":1}', key.encode())
    return Parked(record, "ValueError", tries, due_at, NOON + timedelta(seconds=offset))


async def test_an_event_is_found_as_it_came(lot):
    await lot.park([parked(7)])
    assert await lot.find(parked(7).id) == parked(7)
    assert await lot.find(parked(8).id) is None


async def given_up(lot, parked) -> None:
    """An operator discards it, and the service moves it away."""
    assert await lot.discard(parked.id, DISCARDING)
    assert await lot.give_up(parked.id)


async def test_a_discarded_event_is_due_at_once_and_stays_until_its_service_gave_it_up(
    lot, database
):
    await lot.park([parked(7)])
    assert await lot.discard(parked(7).id, DISCARDING)
    marked = replace(parked(7), due_at=NOON, discarding=DISCARDING)
    assert await lot.list(10) == [marked]
    assert await database["discarded"].count_documents({}) == 0
    assert (await lot.count(), await lot.size()) == (0, 1)
    assert await lot.waiting_keys(["one"]) == {"one"}
    assert await lot.take_due(NOON) == marked


async def test_a_discarded_event_is_kept_whole_with_who_and_why(lot, database):
    await lot.park([parked(7), parked(8)])
    await given_up(lot, parked(7))
    assert await lot.list(10) == [parked(8)]
    (kept,) = await database["discarded"].find().to_list(None)
    del kept["_id"]
    assert kept == {
        "parked_id": parked(7).id,
        "key": "one",
        "topic": "test.parcels.v1",
        "partition": 0,
        "offset": 7,
        "headers": [["ce_type", b"test.Posted.v1"], ["odd", b"\xff\x00"]],
        "value": b'{"weight":1}',
        "raw_key": b"one",
        "reason": "ValueError",
        "tries": TRIES,
        "due_at": NOON,
        "parked_at": NOON + timedelta(seconds=7),
        "discarded_by": DISCARDING.by,
        "discarded_because": DISCARDING.reason,
        "discarded_at": NOON,
    }


async def test_an_event_that_is_not_here_cannot_be_discarded(lot, database):
    assert not await lot.discard(parked(7).id, DISCARDING)
    assert not await lot.give_up(parked(7).id)
    assert await database["discarded"].count_documents({}) == 0


async def test_what_no_operator_discarded_is_not_given_up(lot, database):
    await lot.park([parked(7)])
    assert not await lot.give_up(parked(7).id)
    assert await lot.list(10) == [parked(7)]
    assert await database["discarded"].count_documents({}) == 0


async def test_an_event_that_is_being_tried_cannot_be_discarded(lot, database):
    await lot.park([parked(7, due_at=NOON)])
    assert await lot.take_due(NOON)
    assert not await lot.discard(parked(7).id, DISCARDING)
    assert (await lot.find(parked(7).id)).discarding is None
    assert await lot.discard(parked(7).id, replace(DISCARDING, at=NOON + LEASE))


async def test_the_first_decision_to_discard_stays_and_no_retry_takes_it_back(lot):
    await lot.park([parked(7)])
    assert await lot.discard(parked(7).id, DISCARDING)
    assert not await lot.discard(parked(7).id, replace(DISCARDING, by="lim"))
    assert not await lot.retry(parked(7).id, NOON)
    assert await lot.retry_all(NOON) == 0
    assert (await lot.find(parked(7).id)).discarding == DISCARDING


async def test_who_tries_beyond_its_lease_does_not_put_back_what_was_discarded(lot):
    await lot.park([parked(7, due_at=NOON)])
    tried = await lot.take_due(NOON)
    late = replace(DISCARDING, at=NOON + LEASE)
    assert await lot.discard(tried.id, late)
    await lot.keep(replace(tried, due_at=None))
    assert (await lot.take_due(late.at)).discarding == late


async def test_a_retry_that_an_operator_orders_during_the_last_try_is_made(lot):
    await lot.park([parked(7, due_at=NOON, tries=TRIES - 1)])
    tried = await lot.take_due(NOON)
    assert await lot.retry(tried.id, NOON)
    await lot.keep(after_failure(tried, "ValueError", NOON))
    assert (await lot.take_due(NOON + LEASE)).tries == 0


async def test_what_was_given_up_is_known_when_it_comes_again_and_another_record_there_is_not(lot):
    await lot.park([parked(7)])
    await given_up(lot, parked(7))
    another = replace(parked(7).record, value=b"of a topic that was made anew")
    assert await lot.given_up([parked(7).record, parked(8).record]) == {parked(7).id}
    assert await lot.given_up([another]) == set()


async def test_a_place_may_be_parked_and_discarded_again(lot, database):
    for _ in range(2):
        await lot.park([parked(7)])
        await given_up(lot, parked(7))
    assert await database["discarded"].count_documents({}) == 2


async def test_the_next_of_its_key_is_tried_once_the_head_is_given_up(lot):
    await lot.park([parked(7), parked(8, due_at=NOON, tries=0)])
    assert await lot.take_due(NOON) is None
    await given_up(lot, parked(7))
    assert await lot.take_due(NOON) == parked(8, due_at=NOON, tries=0)


async def test_what_was_discarded_waits_for_no_earlier_event(lot):
    await lot.park([parked(7), queued(8)])
    assert await lot.discard(queued(8).id, DISCARDING)
    assert (await lot.take_due(NOON)).id == queued(8).id
    assert await lot.give_up(queued(8).id)
    assert await lot.list(10) == [parked(7)]


async def test_a_retry_of_a_later_event_does_not_let_it_overtake(lot):
    await lot.park([parked(7), parked(8)])
    assert await lot.retry(parked(8).id, NOON)
    assert await lot.take_due(NOON) is None
    assert await lot.retry(parked(7).id, NOON)
    assert await lot.take_due(NOON) == parked(7, due_at=NOON, tries=0)


async def test_all_that_wait_for_an_operator_are_due_again_and_others_stay(lot):
    later = NOON + timedelta(seconds=30)
    await lot.park([parked(7), parked(8, key="two"), parked(9, key="three", due_at=later, tries=3)])
    assert await lot.retry_all(NOON) == 2
    assert (await lot.count(), await lot.size()) == (0, 3)
    assert await lot.find(parked(9).id) == parked(9, key="three", due_at=later, tries=3)


def queued(offset, key="one") -> Parked:
    return replace(parked(offset, key=key, tries=0), reason=QUEUED_BEHIND)


async def test_what_queues_behind_a_parked_event_is_not_looked_at(lot, database):
    await lot.park([parked(0)])
    await lot.park([queued(offset) for offset in range(1, 500)])
    await database.command("profile", 2)
    assert await lot.take_due(NOON + timedelta(days=1)) is None
    await database.command("profile", 0)
    looks = database["system.profile"].find({"ns": lot._lot.full_name, "op": "query"})
    assert sum([look["docsExamined"] async for look in looks]) == 0
    assert (await lot.count(), await lot.size()) == (1, 500)


async def test_each_event_is_due_once_those_before_it_are_gone(lot):
    await lot.park([parked(0, due_at=NOON)])
    await lot.park([queued(2), queued(1), queued(3)])
    taken = []
    while (due := await lot.take_due(NOON + timedelta(days=1))) is not None:
        taken.append(due.record.offset)
        assert await lot.release(due.id)
    assert taken == [0, 1, 2, 3]


async def test_an_operator_retries_the_head_and_not_what_queues_behind_it(lot):
    await lot.park([parked(0)])
    await lot.park([queued(1)])
    assert await lot.retry_all(NOON) == 1
    assert (await lot.find(queued(1).id)).due_at is None


async def test_what_queues_behind_an_event_that_is_gone_is_due_at_once(lot):
    await lot.park([queued(1)])
    assert (await lot.take_due(NOON + timedelta(days=1))).id == queued(1).id


async def test_nothing_is_left_behind_however_an_event_leaves_while_others_come(lot):
    """Who parks saw the head there, who takes it out saw nobody behind it."""
    for key in map(str, range(12)):
        head = parked(0, key=key, due_at=NOON)
        await lot.park([head])
        leaves = lot.release(head.id) if int(key) % 2 else given_up(lot, head)
        await asyncio.gather(leaves, lot.park([queued(1, key)]))
        due = await lot.take_due(NOON + timedelta(days=1))
        assert due is not None
        assert due.record.key == key
        assert await lot.release(due.id)


async def test_two_events_that_have_one_place_one_after_the_other_are_both_kept(lot, database):
    """Where a topic was lost and made anew, or a lot restored beside a new Kafka."""
    other = replace(parked(7), record=replace(parked(7).record, value=b'{"weight":2}'))
    await lot.park([parked(7)])
    await lot.park([other])
    await lot.park([other])
    first, second = await lot.list(10)
    assert (first, second.record) == (parked(7), other.record)
    assert second.id != first.id
    assert await lot.find(second.id) == second
    await given_up(lot, second)
    assert await lot.given_up([other.record]) == {other.record.place}
    assert await lot.given_up([parked(7).record]) == set()
    assert await lot.release(first.id)
    assert await lot.list(10) == []
