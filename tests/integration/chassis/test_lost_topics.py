"""Kafka loses what it acknowledged, or MongoDB comes back older than Kafka's offsets: nothing stands still."""

from collections import Counter
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.records_to_delete import RecordsToDelete
from eventually import eventually
from fixtures.samples import facts, received

from bmt.chassis.messaging.consumer import PRUNED, Positions
from bmt.chassis.messaging.republishing import Job, Jobs
from bmt.chassis.runtime import clock
from bmt.chassis.runtime.mongodb import connect
from bmt.contracts import topics
from services.approval.main import build
from services.approval.settings import Settings

pytestmark = pytest.mark.integration

ALL_PARTITIONS = 12
"""So many requests leave none of three partitions empty (but once in 43 runs, which shows less)."""


@pytest.fixture
async def admin(kafka):
    admin = AIOKafkaAdminClient(**kafka.options)
    await admin.start()
    yield admin
    await admin.close()


@pytest.fixture
async def own(mongodb, surroundings):
    """Approval's own database."""
    client = connect(mongodb)
    yield client[f"{surroundings.name}_approval"]
    client.close()


@pytest.fixture
def make_anew(admin, topic_prefix):
    """`await make_anew(topic)`: it is there again, and empty."""

    async def delete_and_create(topic: str) -> None:
        name = topic_prefix + topic
        await admin.delete_topics([name])

        async def created() -> None:
            answer = await admin.create_topics([NewTopic(name, 3, 1)])
            assert not answer.topic_errors[0][1], answer

        await eventually(created, 20)

    return delete_and_create


@pytest.fixture
def decisions(kafka, topic_prefix):
    """`await decisions()`: request and event id of every record that the topic holds now."""

    async def read() -> list[tuple[str, str]]:
        options = {**kafka.options, "auto_offset_reset": "earliest"}
        async with AIOKafkaConsumer(topic_prefix + topics.DECISIONS, **options) as consumer:
            places = list(consumer.assignment())
            left = sum((await consumer.end_offsets(places)).values())
            found: list[tuple[str, str]] = []
            while len(found) < left:
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found += [
                        (record.key.decode(), dict(record.headers)["ce_id"].decode())
                        for record in records
                    ]
        return found

    return read


@pytest.fixture
def opened(decisions):
    """`await opened(request)`: the id of its ReviewOpened, once the topic holds it."""

    async def wait(request) -> str:
        async def found() -> str:
            ids = dict(await decisions())
            assert request.request_id in ids
            return ids[request.request_id]

        return await eventually(found, 20)

    return wait


@pytest.fixture
def reviewed(running, wire, opened):
    """`await reviewed(*requests)`: approval ran and opened their reviews; the events' ids."""

    async def run(*requests) -> list[str]:
        async with running(build, Settings):
            for request in requests:
                await wire.say(received(request))
            return [await opened(each) for each in requests]

    return run


async def test_a_topic_that_was_made_anew_is_filled_again_from_the_commits_but_for_what_was_pruned(
    running, reviewed, opened, decisions, own, make_anew
):
    old, new = facts(), facts()
    ids = await reviewed(old, new)
    # A version that remembered no end wrote the events: the topic should not be empty.
    await own["positions"].delete_many({"_id": {"$regex": "^published:"}})
    await make_anew(topics.DECISIONS)
    async with running(build, Settings):
        assert [await opened(old), await opened(new)] == ids
    long_ago = clock.now() - timedelta(days=100)
    stream = {"stream": f"request-{old.request_id}"}
    await own["commits"].update_many(stream, {"$set": {"recorded_at": long_ago}})
    before = long_ago + timedelta(days=10)
    await own["positions"].insert_one({"_id": PRUNED, "before": before})
    await own["republishing"].delete_many({})
    await make_anew(topics.DECISIONS)
    async with running(build, Settings):
        await eventually(lambda: finished(own), 20)
    assert await decisions() == [(new.request_id, ids[1])]


async def test_a_topic_that_is_shorter_than_what_it_acknowledged_is_filled_again(
    running, wire, reviewed, opened, decisions, own, topic_prefix
):
    """And an operator has one request published again."""
    request, other = facts(), facts()
    ids = await reviewed(request)
    acknowledged = await Positions(own["positions"]).published([topic_prefix + topics.DECISIONS])
    assert sum(offset + 1 for offset in acknowledged.values()) == 1
    await Positions(own["positions"]).advance_published(
        {place: offset + 1 for place, offset in acknowledged.items()}
    )
    async with running(build, Settings) as client:
        await eventually(lambda: finished(own), 20)
        await shows(client, "bmt_republishing_jobs", 0)
        assert await decisions() == [(request.request_id, *ids)] * 2
        await wire.say(received(other))
        other_id = await opened(other)
        stream = f"request-{request.request_id}"
        await Jobs(own["republishing"]).add(Job("by-hand", "asked for", clock.now(), stream))
        await eventually(lambda: finished(own), 20)
    counted = Counter(await decisions())
    assert counted == {(request.request_id, *ids): 3, (other.request_id, other_id): 1}


async def test_what_happens_while_topics_are_filled_again_comes_after_what_went_before_it(
    running, reviewed, decisions, own, as_
):
    request = facts()
    (opened_id,) = await reviewed(request)
    jobs = Jobs(own["republishing"])
    await jobs.add(Job("lost", "the topic was lost", clock.now()))
    assert await jobs.take(clock.now()), "another process works on it, and has not come to this one"
    async with running(build, Settings) as client:
        answer = await client.post(
            f"/v1/requests/{request.request_id}/decision",
            headers=as_("administrator", "MAMPU"),
            json={"decision": "approve"},
        )
        assert answer.is_success, answer.text

        async def published() -> None:
            ids = [id_ for _, id_ in await decisions()]
            assert ids[:-1] == [opened_id, opened_id]
            assert ids[-1] != opened_id

        await eventually(published, 20)


async def test_a_consumer_hears_a_topic_that_was_made_anew_from_its_beginning(
    running, wire, reviewed, decisions, make_anew
):
    """The new topic is longer than the old one was: only its records tell that it is another."""
    await reviewed(*[facts() for _ in range(ALL_PARTITIONS)])
    await make_anew(topics.REQUESTS)
    again = [facts() for _ in range(3 * ALL_PARTITIONS)]
    for each in again:
        await wire.say(received(each))
    async with running(build, Settings):

        async def all_opened() -> None:
            opened = {request for request, _ in await decisions()}
            assert opened >= {each.request_id for each in again}

        await eventually(all_opened, 20)


async def test_a_store_older_than_kafkas_offsets_hears_again_what_it_lacks(
    running, reviewed, decisions, own
):
    """MongoDB restored from a copy: what Kafka holds as consumed is not in it."""
    lost = [facts() for _ in range(ALL_PARTITIONS)]
    await reviewed(*[facts() for _ in range(ALL_PARTITIONS)])
    copy = {
        name: await own[name].find().to_list(None) for name in await own.list_collection_names()
    }
    lost_ids = set(await reviewed(*lost))
    for name in await own.list_collection_names():
        await own[name].delete_many({})
        if copy.get(name):
            await own[name].insert_many(copy[name])
    async with running(build, Settings):

        async def all_decided_again() -> None:
            new = {request for request, id_ in await decisions() if id_ not in lost_ids}
            assert new >= {each.request_id for each in lost}

        await eventually(all_decided_again, 20)


async def test_records_that_expired_unread_are_counted(
    running, wire, reviewed, opened, admin, topic_prefix
):
    request, gone = facts(), [facts() for _ in range(3)]
    await reviewed(facts())
    for each in gone:
        await wire.say(received(each))
    name = topic_prefix + topics.REQUESTS
    await admin.delete_records(
        {TopicPartition(name, partition): RecordsToDelete(-1) for partition in range(3)}
    )
    await wire.say(received(request))
    async with running(build, Settings) as client:
        await opened(request)
        await eventually(lambda: shows(client, "bmt_records_gone_unread_total", 3))


async def shows(client, metric: str, value: int) -> None:
    lines = (await client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith(metric + "{")]
    assert sum(float(line.rpartition(" ")[2]) for line in found) == value, found


async def finished(own) -> None:
    jobs = await own["republishing"].find().to_list(None)
    assert jobs
    assert all(job["finished_at"] for job in jobs)
