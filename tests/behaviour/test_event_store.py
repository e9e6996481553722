"""What an event store promises, in memory and in MongoDB alike."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bmt.chassis.eventsourcing.event_store import (
    AlreadyRecorded,
    Appended,
    Commit,
    EventRecord,
    RefusalRecord,
    Tail,
    VersionConflict,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def commit(id_: str, version: int = 1, stream: str = "parcel-1", **changes) -> Commit:
    event = EventRecord(
        f"event-{id_}", "test.Posted.v1", NOON, version, f'{{"weight":{2**53 - 1}}}'
    )
    written = Commit(
        id=id_,
        stream=stream,
        version=version,
        sequence=version,
        events=(event,),
        fingerprint=f"of {id_}",
        recorded_at=NOON,
        outbox=True,
    )
    return replace(written, **changes)


async def test_a_commit_reads_back_as_it_was_written(event_store):
    written = commit(
        "a",
        refusal=RefusalRecord("already_decided", "it was", {"to": "Siti"}),
        traceparent="00-1-2-01",
    )
    assert await event_store.append([written]) == [Appended(written)]
    assert await event_store.load(["parcel-1"]) == {"parcel-1": [written]}
    assert await event_store.find(["a", "unknown"]) == {"a": written}


async def test_an_events_data_is_the_text_that_was_written(event_store):
    text = '{"weight":1,"note":"nota $a.b \\u0000 \u00e9","big":18446744073709551615}'
    (event,) = commit("a").events
    await event_store.append([commit("a", events=(replace(event, text=text),))])
    (stored,) = (await event_store.find(["a"]))["a"].events
    assert stored.text == text
    assert stored.data == json.loads(text)


@pytest.mark.integration
async def test_data_that_an_earlier_version_stored_as_a_document_is_read(
    mongo_event_store, database
):
    """In its order, so that it is published again as it was; what was sealed as binary is base64 now."""
    await mongo_event_store.append([commit("a")])
    data = {"weight": 3, "a": {"b": [None, True, "\u00e9"]}, "sealed": {"text": b"\x00\xff"}}
    await database["commits"].update_one({"_id": "a"}, {"$set": {"events.0.data": data}})
    (stored,) = (await mongo_event_store.find(["a"]))["a"].events
    text = '{"weight":3,"a":{"b":[null,true,"\u00e9"]},"sealed":{"text":"AP8="}}'
    assert stored == replace(commit("a").events[0], text=text)


async def test_an_unknown_stream_is_empty(event_store):
    assert await event_store.load(["parcel-9"]) == {"parcel-9": []}
    assert await event_store.tails(["parcel-9"]) == {"parcel-9": Tail()}


async def test_the_same_causation_finds_the_first_commit(event_store):
    await event_store.append([commit("a")])
    again = commit("a", version=2, fingerprint="another")
    assert await event_store.append([again]) == [AlreadyRecorded(commit("a"))]


async def test_a_version_is_taken_once(event_store):
    await event_store.append([commit("a")])
    assert await event_store.append([commit("b")]) == [VersionConflict(commit("b"))]


async def test_each_commit_of_a_batch_stands_or_falls_by_itself(event_store):
    await event_store.append([commit("a")])
    batch = [commit("b"), commit("c", version=2), commit("a"), commit("d", stream="parcel-2")]
    outcomes = await event_store.append(batch)
    assert [type(outcome) for outcome in outcomes] == [
        VersionConflict,
        Appended,
        AlreadyRecorded,
        Appended,
    ]


async def test_of_many_writers_of_one_version_one_wins(event_store):
    outcomes = await asyncio.gather(*(event_store.append([commit(f"w{i}")]) for i in range(20)))
    kinds = [type(outcome[0]) for outcome in outcomes]
    assert kinds.count(Appended) == 1
    assert kinds.count(VersionConflict) == 19


async def test_streams_load_in_version_order(event_store):
    await event_store.append([commit("c", 3), commit("a", 1), commit("b", 2)])
    loaded = await event_store.load(["parcel-1", "parcel-2"])
    assert [c.version for c in loaded["parcel-1"]] == [1, 2, 3]
    assert (await event_store.tails(["parcel-1"]))["parcel-1"] == Tail(3, 3)


async def test_pending_is_what_was_not_delivered_oldest_first(event_store):
    late = commit("late", recorded_at=NOON + timedelta(seconds=9))
    early = commit("early", stream="parcel-2")
    quiet = commit("quiet", stream="parcel-3", outbox=False)
    await event_store.append([late, early, quiet])
    assert [c.id for c in await event_store.pending(limit=10)] == ["early", "late"]
    assert [c.id for c in await event_store.pending(limit=1)] == ["early"]
    assert await event_store.outbox_size() == (2, NOON)
    only = await event_store.pending(limit=10, recorded_before=NOON + timedelta(seconds=1))
    assert [c.id for c in only] == ["early"]

    await event_store.delivered(["early", "late"])
    assert await event_store.pending(limit=10) == []
    assert await event_store.outbox_size() == (0, None)


async def test_older_pending_commits_of_a_stream_are_found(event_store):
    await event_store.append([commit("a", 1), commit("b", 2), commit("c", 3)])
    await event_store.delivered(["b"])
    (newest,) = (await event_store.find(["c"])).values()
    assert [c.id for c in await event_store.pending_before([newest])] == ["a"]
    assert await event_store.pending_before([commit("a", 1)]) == []


async def test_all_gives_every_commit_each_streams_in_order(event_store):
    await event_store.append([commit("b", 2), commit("a", 1), commit("x", stream="parcel-2")])
    every = [c.id async for c in event_store.all()]
    assert sorted(every) == ["a", "b", "x"]
    assert every.index("a") < every.index("b")


@pytest.mark.integration
async def test_nothing_is_written_before_there_is_what_keeps_two_decisions_apart(database):
    from bmt.chassis.errors import StoreUnavailable
    from bmt.chassis.eventsourcing.event_store import MongoEventStore

    store = MongoEventStore(database["commits"])
    with pytest.raises(StoreUnavailable):
        await store.append([commit("a")])
    assert await database["commits"].count_documents({}) == 0
    await store.prepare()
    assert await store.append([commit("a")])


@pytest.mark.integration
async def test_a_server_that_is_away_is_said_to_be(database):
    from bmt.chassis.errors import StoreUnavailable
    from bmt.chassis.eventsourcing.event_store import MongoEventStore
    from bmt.chassis.runtime.mongodb import connect

    away = connect("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200&directConnection=true")
    store = MongoEventStore(away["nowhere"]["commits"])
    store._prepared = True  # its server went away after that
    with pytest.raises(StoreUnavailable):
        await store.append([commit("a")])
    with pytest.raises(StoreUnavailable):
        await store.load(["parcel-1"])


async def test_commits_are_read_page_by_page_in_the_order_of_streams_and_versions(event_store):
    late = NOON + timedelta(days=1)
    first, second = commit("a"), commit("b", version=2, recorded_at=late)
    other = commit("c", stream="parcel-2", recorded_at=late)
    await event_store.append([other, first])
    await event_store.append([second])
    assert await event_store.recorded_after(limit=2) == [first, second]
    assert await event_store.recorded_after(("parcel-1", 1), limit=2) == [second, other]
    assert await event_store.recorded_after(("parcel-2", 1), limit=2) == []
    assert await event_store.recorded_after(since=late, limit=9) == [second, other]
