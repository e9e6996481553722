"""`bmt parked` on real lots."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from bmt.chassis.messaging.parking import QUEUED_BEHIND, Parked, ParkingLot, Record

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
REQUEST = str(uuid.UUID(int=7))
FIRST, SECOND = "bmt.requests.v1:2:7", "bmt.requests.v1:2:8"


def parked(offset, *, key=REQUEST, due_at=None, reason="KeyError") -> Parked:
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_source", b"/bmt/intake"),
        ("ce_type", b"my.gov.bmt.RequestReceived.v1"),
        ("ce_time", b"2026-11-24T12:00:00Z"),
    )
    value = b'{"applicant": "siti.mampu@mygovuc.gov.my"}'
    record = Record("bmt.requests.v1", 2, offset, key, headers, value, key.encode())
    tries = 0 if reason == QUEUED_BEHIND else 6
    return Parked(record, reason, tries, due_at, NOON + timedelta(seconds=offset))


@pytest.fixture
async def lot(databases):
    """`await lot("approval", event, …)` parks them there."""

    async def park(service, *events) -> ParkingLot:
        lot = ParkingLot(databases(service)["parked"])
        await lot.prepare()
        await lot.park(events)
        return lot

    return park


async def test_what_waits_is_listed_with_its_reason_and_without_what_it_holds(bmt, lot):
    await lot("approval", parked(7), parked(8, reason=QUEUED_BEHIND))
    await lot("records", parked(6, key="siti.mampu", due_at=NOON))

    answer = await bmt("parked", "list", "--json")
    text = (await bmt("parked", "list")).out

    assert answer.code == 0, answer.err
    assert answer.json["total"] == 3
    assert [(each["service"], each["id"]) for each in answer.json["items"]] == [
        ("records", "bmt.requests.v1:2:6"),
        ("approval", FIRST),
        ("approval", SECOND),
    ]
    assert [each["waits_for"] for each in answer.json["items"]] == [
        "next_try",
        "operator",
        "earlier_event",
    ]
    assert answer.json["items"][1] == {
        "id": FIRST,
        "service": "approval",
        "type": "my.gov.bmt.RequestReceived.v1",
        "request_id": REQUEST,
        "reason": "KeyError",
        "tries": 6,
        "parked_at": "2026-11-24T12:00:07.000000Z",
        "waits_for": "operator",
        "due_at": None,
    }
    assert "siti" not in answer.out + text
    assert "KeyError; 6 tries, since 2026-11-24 12:00:07 UTC; waits for an operator" in text
    assert text.endswith("3 events parked\n")


async def test_one_services_lot_can_be_looked_at_alone_and_in_part(bmt, lot):
    await lot("approval", parked(7), parked(8))
    await lot("records", parked(6))
    answer = await bmt("parked", "list", "--service", "approval", "--limit", "1")
    assert FIRST in answer.out
    assert answer.out.endswith("2 events parked (the oldest 1 shown)\n")


async def test_a_retried_event_is_due_and_later_ones_keep_their_turn(bmt, lot):
    waiting = await lot("approval", parked(7), parked(8))
    assert (await bmt("parked", "retry", FIRST, "--json")).json == {"retried": 1}
    first, second = await waiting.list(10)
    assert (first.tries, first.due_at is not None) == (0, True)
    assert second.due_at is None


async def test_all_that_wait_for_an_operator_can_be_retried(bmt, lot):
    await lot("approval", parked(7))
    other = await lot("records", parked(9))
    assert (await bmt("parked", "retry", "--all", "--service", "approval")).out == (
        "1 event retried\n"
    )
    assert await other.count() == 1
    assert (await bmt("parked", "retry", "--all")).out == "1 event retried\n"
    assert await other.count() == 0


async def test_a_discarded_event_leaves_by_its_service_with_who_and_why(bmt, lot, databases):
    waiting = await lot("approval", parked(7), parked(8))
    options = ("--reason", "withdrawn on paper", "--by", "aida")
    answer = await bmt("parked", "discard", FIRST, *options, "--json")
    assert answer.json == {"discarded": 1}
    listed = (await bmt("parked", "list", "--json")).json["items"]
    assert [each["waits_for"] for each in listed] == ["leaving", "operator"]
    text = (await bmt("parked", "list")).out
    assert "waits for its service, which takes it out: it was discarded" in text
    assert await waiting.give_up(parked(7).id)
    assert [each.record.offset for each in await waiting.list(10)] == [8]
    (kept,) = await databases("approval")["discarded"].find().to_list(None)
    assert (kept["discarded_by"], kept["discarded_because"]) == ("aida", "withdrawn on paper")
    assert kept["value"] == parked(7).record.value


async def test_what_was_discarded_is_neither_discarded_nor_retried_again(bmt, lot):
    await lot("approval", parked(7))
    assert (await bmt("parked", "discard", FIRST, "--reason", "why", "--by", "aida")).code == 0
    again = await bmt("parked", "discard", FIRST, "--reason", "why", "--by", "lim")
    retried = await bmt("parked", "retry", FIRST)
    assert (again.code, retried.code) == (1, 1)
    assert "was discarded before" in again.err
    assert "it was handled or discarded" in retried.err


async def test_an_event_in_two_lots_is_discarded_from_the_one_that_is_named(bmt, lot):
    await lot("approval", parked(7))
    other = await lot("records", parked(7))
    unclear = await bmt("parked", "discard", FIRST, "--reason", "why")
    assert unclear.code == 2
    clear = await bmt("parked", "discard", FIRST, "--reason", "why", "--service", "approval")
    assert clear.code == 0, clear.err
    assert (await other.find(parked(7).id)).discarding is None


async def test_an_unknown_event_changes_nothing(bmt, lot):
    waiting = await lot("approval", parked(7))
    for command in (("retry",), ("discard", "--reason", "why")):
        answer = await bmt("parked", *command, FIRST, "bmt.requests.v1:0:99")
        assert answer.code == 1
        assert answer.err.startswith("bmt: no parked event is called bmt.requests.v1:0:99")
    assert await waiting.list(10) == [parked(7)]
