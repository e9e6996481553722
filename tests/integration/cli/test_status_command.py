"""`bmt status` and `bmt republish` on the databases of a test."""

import asyncio
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from eventually import eventually
from fixtures.answering import answering

from bmt import reconciliation
from bmt.chassis.messaging.parking import Discarding, Parked, ParkingLot, Record
from bmt.chassis.messaging.republishing import Jobs
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from bmt.reconciliation import Reconciliation

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
HOUR_AGO = NOW - timedelta(hours=1)
numbers = count(1)


@pytest.fixture
def published(databases):
    """`await published("intake", "RequestReceived", by=["approval"])`: its request, and who recorded it."""

    async def publish(service, name, *, by=(), request=None, at=HOUR_AGO, sequence=1):
        request, event_id = request or str(uuid.uuid4()), f"event-{next(numbers)}"
        event = {"id": event_id, "type": f"my.gov.bmt.{name}.v1", "sequence": sequence}
        commit = {
            "_id": f"cause-{event_id}",
            "stream": f"request-{request}",
            "version": sequence,
            "events": [event],
            "recorded_at": at,
        }
        await databases(service)["commits"].insert_one(commit)
        for consumer in by:
            own = {"_id": event_id, "stream": f"request-{request}", "version": sequence}
            await databases(consumer)["commits"].insert_one(
                {**own, "events": [], "recorded_at": at}
            )
        return request

    return publish


async def test_all_is_well_where_each_consumer_recorded_what_it_must(bmt, published):
    await published("intake", "RequestReceived", by=["approval", "notification", "records"])
    answer = await bmt("status")
    assert answer.code == 0, answer.err
    assert answer.out == "Everything that was published is recorded by all its consumers.\n"


async def test_what_a_consumer_lacks_is_named_with_its_requests(bmt, published):
    request = await published("intake", "RequestReceived", by=["notification", "records"])
    answer, told = await bmt("status", "--json"), await bmt("status")
    assert (answer.code, told.code) == (1, 1)
    assert not answer.json["ok"]
    (missing,) = answer.json["missing"]
    assert (missing["publisher"], missing["consumer"]) == ("intake", "approval")
    assert (missing["events"], missing["requests"]) == (1, [request])
    assert "approval has not recorded 1 events of intake" in told.out
    assert request in told.out


async def test_intake_records_in_its_view_how_far_it_has_come(bmt, databases, published):
    request = await published("approval", "ReviewOpened", by=["records"])
    applied = {f"/bmt/approval/{request}": 1}
    await databases("intake")["requests"].insert_one({"_id": request, "_applied": applied})
    assert (await bmt("status")).code == 0
    await published(
        "approval", "Approved", by=["records", "provisioning"], request=request, sequence=2
    )
    (missing,) = (await bmt("status", "--json")).json["missing"]
    assert (missing["consumer"], missing["events"]) == ("intake", 1)


async def test_what_was_just_decided_and_what_was_pruned_is_not_missing(bmt, databases, published):
    await published("intake", "RequestReceived", at=datetime.now(UTC))
    long_ago = NOW - timedelta(days=100)
    await published("intake", "RequestReceived", at=long_ago)
    pruned = {"_id": "pruned", "before": long_ago + timedelta(days=10)}
    for service in ("approval", "notification", "records"):
        await databases(service)["positions"].insert_one(pruned)
    assert (await bmt("status")).code == 0


async def test_a_moment_can_be_named_since_which_to_look(bmt, published):
    await published("intake", "RequestReceived", at=NOW - timedelta(days=2))
    yesterday = (NOW - timedelta(days=1)).isoformat()
    assert (await bmt("status", "--since", yesterday)).code == 0
    assert (await bmt("status")).code == 1


async def test_parked_events_and_an_outbox_that_stands_still_are_told(bmt, databases):
    waiting = {"stream": "request-1", "version": 1, "sequence": 1, "fingerprint": "f", "events": []}
    await databases("approval")["commits"].insert_one(
        {"_id": "1", **waiting, "outbox": True, "recorded_at": HOUR_AGO}
    )
    await databases("records")["parked"].insert_one({"_id": "1", "key": "1"})
    answer = await bmt("status")
    assert answer.code == 1
    assert "approval has 1 events to publish, the oldest since" in answer.out
    assert "records has 1 events parked" in answer.out


@pytest.fixture
def told():
    """`told("bmt_parked_events 1")`: the address of a process that tells so at `/metrics`."""
    with ExitStack() as stack:
        yield lambda text: stack.enter_context(answering(lambda _: (200, {}, f"{text}\n".encode())))


async def test_what_the_processes_tell_is_on_the_same_screen(bmt, told):
    urls = {
        "BMT_INTAKE_URL": told(
            'bmt_build_info{version="0.1.0"} 1\nprocess_start_time_seconds 1000'
        ),
        "BMT_WEB_URL": told('bmt_part_up{part="kafka"} 1'),
    }
    well = await bmt("status", **urls)
    assert well.code == 0, well.err
    assert "intake        up since 1970-01-01 00:16:40 UTC; version 0.1.0; 0 to publish" in well.out
    assert "kafka         up" in well.out
    wrong = await bmt("status", "--json", **urls, BMT_RECORDS_URL="http://127.0.0.1:1")
    assert wrong.code == 1
    (found,) = wrong.json["findings"]
    assert (found["code"], found["about"]) == ("process_away", "records")
    assert found["command"] == "bmt doctor"
    assert wrong.json["parts"]["kafka"] == {"up": True, "since": None, "missed_by": []}


async def test_a_dead_letter_that_nobody_has_seen_to_is_wrong(bmt, told):
    refused = "bmt_dead_letters_open 2\nbmt_dead_letters_oldest_timestamp_seconds 1000"
    answer = await bmt("status", BMT_INTAKE_URL=told(refused))
    assert answer.code == 1
    assert "intake: Events that were refused for good wait for an operator" in answer.out
    assert "since 1970-01-01 00:16:40 UTC → bmt dead-letters list" in answer.out
    assert "0 parked, 2 refused" in answer.out


async def test_what_is_missing_is_published_again_once_and_not_where_it_is_parked(
    mongodb, databases, published
):
    lost = await published("intake", "RequestReceived", by=["notification", "records"])
    parked = await published("intake", "RequestReceived", by=["notification", "records"])
    await databases("approval")["parked"].insert_one({"_id": "1", "key": parked})
    client = connect(mongodb)
    prefix = databases("intake").name.removesuffix("intake")
    stores = Reconciliation(client, prefix)
    missing = await stores.missing(datetime.now(UTC))
    assert [await stores.republish(missing, NOW), await stores.republish(missing, NOW)] == [1, 0]
    (job,) = await Jobs(databases("intake")["republishing"]).open()
    assert job.stream == f"request-{lost}"
    client.close()


async def test_what_an_operator_discarded_is_not_missing(mongodb, bmt, databases, published):
    """Published again, it would be parked again, and its request would stand still again."""
    request = await published("intake", "RequestReceived", by=["notification", "records"])
    (commit,) = await databases("intake")["commits"].find({}).to_list(None)
    record = Record(
        topics.REQUESTS, 0, 1, request, (("ce_id", commit["events"][0]["id"].encode()),), b"{}"
    )
    lot = ParkingLot(databases("approval")["parked"])
    await lot.prepare()
    await lot.park([Parked(record, "ValueError", 6, None, HOUR_AGO)])
    assert await lot.discard(record.place, Discarding("aminah", "needless", NOW))
    assert await lot.give_up(record.place)
    answer = await bmt("status")
    assert answer.code == 0, answer.out


@pytest.fixture
async def stores(mongodb, databases):
    client = connect(mongodb)
    yield Reconciliation(client, databases("intake").name.removesuffix("intake"))
    client.close()


async def test_a_later_event_of_a_stream_that_is_missing_is_published_again_too(
    stores, databases, published
):
    request = await published("intake", "RequestReceived", by=["notification", "records"])
    assert await stores.republish(await stores.missing(NOW), NOW) == 1
    jobs = Jobs(databases("intake")["republishing"])
    (job,) = await jobs.open()
    await jobs.finish(job, NOW)
    by = ["approval"]
    await published("intake", "WithdrawalRequested", by=by, request=request, sequence=2)
    assert await stores.republish(await stores.missing(NOW), NOW) == 1
    (job,) = await jobs.open()
    assert job.stream == f"request-{request}"


async def test_very_many_that_are_missing_are_one_job_from_the_oldest_of_them_on(
    stores, databases, published, monkeypatch
):
    monkeypatch.setattr(reconciliation, "REPUBLISHED_AT_ONCE", 1)
    oldest = HOUR_AGO - timedelta(hours=1)
    for at in (HOUR_AGO, oldest):
        await published("intake", "RequestReceived", by=["notification", "records"], at=at)
    assert await stores.republish(await stores.missing(NOW), NOW) == 1
    (job,) = await Jobs(databases("intake")["republishing"]).open()
    assert job.stream is None
    assert abs(job.since - oldest) < timedelta(milliseconds=1)


async def test_republish_says_that_nothing_is_about_a_request(bmt, databases):
    jobs = Jobs(databases("intake")["republishing"])

    async def do_it() -> None:
        async def written():
            opened = await jobs.open()
            assert opened
            return opened[0]

        await jobs.finish(await eventually(written), NOW)

    request = str(uuid.uuid4())
    doing = asyncio.create_task(do_it())
    answer = await bmt("republish", "--service", "intake", "--request", request)
    await doing
    assert answer.code == 1
    assert f"intake published nothing about {request}" in answer.err


async def test_republish_asks_the_services_and_tells_what_they_did(bmt, databases):
    async def do_it() -> None:
        jobs = Jobs(databases("intake")["republishing"])

        async def written():
            opened = await jobs.open()
            assert opened
            return opened[0]

        await jobs.finish(await eventually(written), NOW)

    doing = asyncio.create_task(do_it())
    answer = await bmt("republish", "--service", "intake", "--json")
    await doing
    assert answer.code == 0, answer.err
    assert answer.json == {"services": {"intake": {"events": 0, "finished": True}}}


async def test_republish_says_which_service_has_not_done_it(bmt, databases):
    request = str(uuid.uuid4())
    answer = await bmt("republish", "--request", request, "--since", "2026-11-01", "--wait", "0")
    assert answer.code == 1
    assert "intake: 0 events published again, not done yet" in answer.out
    (job,) = await Jobs(databases("records")["republishing"]).open()
    assert job.stream == f"request-{request}"
    assert job.since == datetime(2026, 11, 1, tzinfo=UTC)
