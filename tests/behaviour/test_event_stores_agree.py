"""Whatever is asked of the event stores and in whatever order, the fast one answers as the real one."""

import json
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from fixtures.memory_event_store import MemoryEventStore
from fixtures.two_stores import TwoStores, explore
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule

from bmt.chassis.eventsourcing.event_store import Appended, Commit, EventRecord, RefusalRecord

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MOMENTS = st.integers(0, 4).map(lambda milliseconds: NOON + timedelta(milliseconds=milliseconds))
IDS = st.integers(1, 12).map("cause-{}".format)
STREAMS = st.sampled_from(["parcel-1", "parcel-2", "letter-1"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab.$", max_size=2), inner),
    max_leaves=4,
)
EVENTS = st.builds(
    EventRecord,
    id=st.just("event"),
    type=st.just("test.Posted.v1"),
    time=MOMENTS,
    sequence=st.integers(0, 9),
    text=st.fixed_dictionaries({"said": JSON}).map(json.dumps),
)
COMMITS = st.builds(
    Commit,
    id=IDS,
    stream=STREAMS,
    version=st.integers(1, 6),
    sequence=st.integers(0, 9),
    events=st.lists(EVENTS, max_size=2).map(tuple),
    fingerprint=st.sampled_from(["of one", "of another"]),
    recorded_at=MOMENTS,
    outbox=st.booleans(),
    refusal=st.none() | st.just(RefusalRecord("already_decided", "it was", {"to": "Siti"})),
    traceparent=st.none() | st.just("00-1-2-01"),
)
"""Few ids, streams and versions: most meet one that is taken."""

BATCHES = st.lists(COMMITS, max_size=5, unique_by=lambda commit: commit.id)
SOME_IDS = st.lists(IDS, max_size=4)
SOME_STREAMS = st.lists(STREAMS, max_size=3, unique=True)


class EventStores(TwoStores):
    """`written` are commits that stand."""

    written = Bundle("written")

    @rule(target=written, batch=BATCHES, is_said_twice=st.booleans())
    def append(self, batch, is_said_twice):
        commits = [*batch, *batch[-1:]] if is_said_twice else batch
        outcomes = self.agree(lambda store: store.append(commits)) if commits else []
        return multiple(*(each.commit for each in outcomes if isinstance(each, Appended)))

    @rule(target=written, stream=STREAMS, id_=st.uuids().map(str), outbox=st.booleans())
    def append_next(self, stream, id_, outbox):
        tail = self.agree(lambda store: store.tails([stream]))[stream]
        events = (EventRecord("event", "test.Posted.v1", NOON, 1, "{}"),)
        commit = Commit(
            id_, stream, tail.version + 1, tail.sequence + 1, events, "", NOON, outbox=outbox
        )
        assert self.agree(lambda store: store.append([commit])) == [Appended(commit)]
        return commit

    @rule(streams=SOME_STREAMS)
    def load(self, streams):
        self.agree(lambda store: store.load(streams))

    @rule(streams=SOME_STREAMS)
    def tails(self, streams):
        memory, mongodb = self.ask(lambda store: store.tails(streams))
        assert memory == mongodb
        assert {s: t.last for s, t in memory.items()} == {s: t.last for s, t in mongodb.items()}

    @rule(ids=SOME_IDS)
    def find(self, ids):
        self.agree(lambda store: store.find(ids))

    @rule(limit=st.integers(1, 6), before=st.none() | MOMENTS)
    def pending(self, limit, before):
        """Of what was recorded at one moment, any streams' may be first; each stream's are in order."""
        memory, mongodb = self.ask(lambda store: store.pending(limit=limit, recorded_before=before))
        assert [_age(commit) for commit in memory] == [_age(commit) for commit in mongodb]
        if len(memory) < limit:
            assert _by_id(memory) == _by_id(mongodb)

    @rule(commits=st.lists(written, max_size=4))
    def pending_before(self, commits):
        memory, mongodb = self.ask(lambda store: store.pending_before(commits))
        assert _in_streams(memory) == _in_streams(mongodb)

    @rule(ids=SOME_IDS)
    def delivered(self, ids):
        """Others may have delivered them before, and what is unknown is none of ours."""
        self.agree(lambda store: store.delivered(ids))

    @rule(commits=st.lists(written, max_size=4))
    def delivered_these(self, commits):
        self.agree(lambda store: store.delivered([commit.id for commit in commits]))

    @rule()
    def outbox_size(self):
        self.agree(lambda store: store.outbox_size())

    @rule()
    def all(self):
        async def everything(store):
            return [commit async for commit in store.all()]

        self.agree(everything)


def _age(commit):
    return commit.recorded_at, commit.version


def _by_id(commits):
    return {commit.id: commit for commit in commits}


def _in_streams(commits):
    """Each stream's in order, and each once."""
    ordered = sorted(commits, key=lambda commit: commit.stream)
    return {stream: list(each) for stream, each in groupby(ordered, lambda commit: commit.stream)}


async def test_the_fast_event_store_answers_as_the_real_one(mongo_event_store, database):
    async def empty():
        await database["commits"].delete_many({})
        return MemoryEventStore(), mongo_event_store

    await explore(EventStores, empty)
