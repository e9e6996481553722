"""The ledger in MongoDB: one place a leaf, whoever writes and however often."""

import asyncio
import math
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import AsyncMock

import pytest
from fixtures.ledger_keys import people_of
from fixtures.samples import facts, received
from fixtures.service import AGENCIES_FILE

from bmt.agencies import register as agencies_file
from bmt.chassis.errors import CausationReused
from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.runtime import clock
from bmt.contracts.envelope import Envelope
from services.records.handlers import entering, file_event
from services.records.ledger.canonical import NotCanonical
from services.records.ledger.leaf import Entry
from services.records.ledger.leaves import FileNumbers, Leaves
from services.records.ledger.live_store import LiveStore

pytestmark = pytest.mark.integration


def entry(request_id, event_id, **data):
    event = {"id": event_id, "source": "/bmt/intake", "type": "my.gov.bmt.X.v1", "data": data}
    return Entry(request_id, "bmt.requests.v1", event)


async def two_writers(database):
    writers = [Leaves(database.leaves, clock.now, people_of(database)) for _ in range(2)]
    await writers[0].prepare()
    return writers


async def test_two_writers_make_one_chain_without_gaps(database):
    writers = await two_writers(database)
    requests = [clock.new_id() for _ in range(5)]
    entries = [
        entry(request, f"{request}-{number}", number=number)
        for number in range(12)
        for request in requests
    ]

    await asyncio.gather(
        *(writer.add_all(entries[start::4]) for writer in writers for start in range(4))
    )

    for request in requests:
        chain = await writers[0].of(request)
        assert [leaf.index for leaf in chain] == list(range(1, 13))
        assert {leaf.event_id for leaf in chain} == {f"{request}-{number}" for number in range(12)}
    assert (await LiveStore(database).verify()).faults == []


async def test_an_event_that_comes_again_keeps_its_leaf(database):
    writers = await two_writers(database)
    first = await writers[0].add(entry("a", "event-1", text="one"))
    await writers[0].add(entry("a", "event-2", text="two"))

    again = await writers[1].add(entry("a", "event-1", text="one"))

    assert again == first
    with pytest.raises(CausationReused):
        await writers[1].add(entry("a", "event-1", text="another"))


async def test_what_comes_together_is_chained_in_its_order_and_a_wave_that_comes_again_is_known(
    database,
):
    (writer, other) = await two_writers(database)
    wave = [entry(request, f"{request}-{number}") for number in range(9) for request in "abc"]
    wave.append(entry("a", "a-4"))
    await other.add(entry("b", "b-5"))

    first = await writer.add_all(wave)
    again = await other.add_all(wave)

    assert again == first
    assert first[-1] == first[12]
    chain = await writer.of("a")
    assert [leaf.event_id for leaf in chain] == [f"a-{number}" for number in range(9)]
    assert [leaf.event_id for leaf in await writer.of("b")][:2] == ["b-5", "b-0"]
    assert (await LiveStore(database).verify()).faults == []


async def test_what_cannot_be_hashed_stops_no_leaf_beside_it(database):
    (writer, _) = await two_writers(database)

    good, bad = await writer.add_all(
        [entry("a", "event-1", text="one"), entry("b", "event-2", size=float("nan"))]
    )

    assert good.index == 1
    assert isinstance(bad, NotCanonical)
    assert await database.leaves.count_documents({}) == 1


def incoming(event, event_id, **more):
    data = {**event.model_dump(mode="json", by_alias=True), **more}
    subject = event.request.request_id
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    envelope = Envelope(
        id=event_id, source="/bmt/intake", type=event.TYPE, subject=subject, time=moment, data=data
    )
    return IncomingEvent(envelope, event, 1, f"/bmt/intake/{subject}")


async def test_what_can_never_be_filed_is_refused_by_itself_and_takes_no_file_number(database):
    """Of a wave: two events are filed, one cannot be hashed, one has the id of another."""
    (ledger, _) = await two_writers(database)
    register = FileNumbers(database.file_numbers, "{agency}.BMT.600-1/2")
    agencies = agencies_file.read(AGENCIES_FILE)
    requests = [facts(request_id=clock.new_id()) for _ in range(4)]
    wave = [
        await file_event(incoming(received(request), event_id, **more))
        for request, event_id, more in zip(
            requests, ("e-1", "e-2", "e-1", "e-4"), ({}, {"later": math.nan}, {}, {}), strict=True
        )
    ]

    copies = SimpleNamespace(copied=AsyncMock(return_value={}))

    file_all = entering(ledger, register, copies, agencies, clock.now)
    first, malformed, reused, last = await file_all(wave)

    assert [malformed.problem, reused.problem] == ["malformed", "idempotency_key_reused"]
    assert [one.command.file_number[-2:] for one in (first, last)] == ["/1", "/2"]
    assert {leaf["_id"] async for leaf in database.leaves.find()} == {"e-1", "e-4"}
    assert await database.file_numbers.count_documents({}) == 2


async def test_two_writers_give_each_request_one_number_without_gaps(database):
    registers = [FileNumbers(database.file_numbers, "{agency}.BMT.600-1/2") for _ in range(2)]
    await registers[0].prepare()
    requests = [(clock.new_id(), ("MAMPU", "JPA")[number % 2]) for number in range(60)]

    waves = [dict(requests[start::3]) for start in range(3)]
    given = await asyncio.gather(*(register.of(wave) for wave in waves for register in registers))

    assert given[::2] == given[1::2]
    numbers = [number for wave in given[::2] for number in wave.values()]
    assert sorted(int(number.rpartition("/")[2]) for number in numbers) == sorted(
        [*range(1, 31), *range(1, 31)]
    )
