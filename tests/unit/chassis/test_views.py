"""Views: a pure fold, each event once, whatever comes twice or late."""

import random
from dataclasses import replace
from datetime import UTC, datetime

import parcels
from fixtures.memory_event_store import MemoryEventStore
from fixtures.memory_view_store import MemoryViewStore
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.chassis.messaging.relay import OwnProjections
from bmt.chassis.readmodels.rebuilding import OwnStreams
from bmt.chassis.readmodels.view_store import Body, ViewDocument
from bmt.chassis.readmodels.views import View, ViewProjection

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Shelf(BaseModel):
    weights: tuple[int, ...] = ()
    colour: str = "white"


EMPTY: Body = {"weights": [], "colour": "white"}


def fold(shelf: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    match incoming.data:
        case parcels.Posted(weight=weight):
            return {**(shelf or EMPTY), "weights": [*(shelf or EMPTY)["weights"], weight]}
        case _:
            return shelf


SHELVES = View(name="shelves", model=Shelf, fold=fold)


def commit(version: int, *weights: int, stream: str = "parcel-1") -> Commit:
    events = tuple(
        EventRecord(
            f"{stream}-{version}-{i}", "test.Posted.v1", NOON, version, f'{{"weight":{weight}}}'
        )
        for i, weight in enumerate(weights)
    )
    return Commit(f"{stream}-{version}", stream, version, version, events, "f", NOON)


def incoming(*commits: Commit) -> list[IncomingEvent[BaseModel]]:
    return parcels.VOCABULARY.incoming(commits, "/test")


async def test_each_event_counts_once_however_often_it_comes():
    shelves = ViewProjection(SHELVES, MemoryViewStore())
    first, second = commit(1, 10), commit(2, 20, 21)
    await shelves.apply(incoming(first, second, second))
    await shelves.apply(incoming(first))
    await shelves.apply(incoming(second))
    assert await shelves.get("1") == Shelf(weights=(10, 20, 21))


async def test_a_document_that_an_event_begins_asks_for_nothing_that_was_said_before():
    async def missed(*_: object) -> list[IncomingEvent[BaseModel]]:
        raise AssertionError("the stream was read")

    each = replace(SHELVES, key=lambda incoming: incoming.id, begins=lambda _: True)
    shelves = ViewProjection(each, MemoryViewStore(), missed)
    await shelves.apply(incoming(commit(7, 10), commit(9, 20)))
    assert await shelves.get("parcel-1-9-0") == Shelf(weights=(20,))
    await shelves.apply(incoming(commit(7, 10)))
    assert await shelves.get("parcel-1-7-0") == Shelf(weights=(10,))


async def test_what_a_crash_left_out_is_fetched_from_the_stream():
    store = MemoryEventStore()
    commits = [commit(1, 10), commit(2, 20), commit(3, 30)]
    await store.append(commits)
    missed = OwnStreams(store, parcels.VOCABULARY, "/test").between
    shelves = ViewProjection(SHELVES, MemoryViewStore(), missed)
    await shelves.apply(incoming(commits[2]))
    await shelves.apply(incoming(commits[0], commits[1]))
    assert await shelves.get("1") == Shelf(weights=(10, 20, 30))


async def test_two_writers_of_one_document_lose_nothing():
    views = MemoryViewStore()

    class Interrupted(MemoryViewStore):
        """Lets another writer in between load and save, once."""

        interrupted = False

        async def load(self, view, keys):
            found = await views.load(view, keys)
            if not self.interrupted:
                self.interrupted = True
                await ViewProjection(SHELVES, views).apply(incoming(commit(1, 7, stream="other-1")))
            return found

        async def save(self, view, documents, *, durable=False):
            return await views.save(view, documents, durable=durable)

    await ViewProjection(SHELVES, Interrupted()).apply(incoming(commit(1, 5)))
    shelf = await ViewProjection(SHELVES, views).get("1")
    assert sorted(shelf.weights) == [5, 7]


async def test_what_came_by_a_topic_or_is_in_no_outbox_is_durable_before_its_offset_is_committed():
    asked = []

    class Asked(MemoryViewStore):
        """Notes what was to be durable."""

        async def save(self, view, documents, *, durable=False):
            asked.append(durable)
            return await super().save(view, documents, durable=durable)

    shelves = ViewProjection(SHELVES, Asked())
    (own,) = incoming(replace(commit(1, 10), outbox=True))
    await shelves.apply([own])
    await shelves.apply([replace(own, origin="/other/1", topic="bmt.others.v1")])
    await shelves.apply(incoming(commit(2, 20)))
    assert asked == [False, True, True]
    assert await shelves.get("1") == Shelf(weights=(10, 10, 20))


async def test_any_order_of_deliveries_gives_the_same_view():
    store = MemoryEventStore()
    commits = [commit(version, version * 10) for version in range(1, 8)]
    await store.append(commits)
    chance = random.Random(1)
    for _ in range(50):
        missed = OwnStreams(store, parcels.VOCABULARY, "/test").between
        shelves = ViewProjection(SHELVES, MemoryViewStore(), missed)
        deliveries = [*commits, *chance.choices(commits, k=5)]
        chance.shuffle(deliveries)
        for delivery in deliveries:
            await shelves.apply(incoming(delivery))
        assert await shelves.get("1") == Shelf(weights=(10, 20, 30, 40, 50, 60, 70))


async def test_an_event_that_a_view_cannot_take_in_stands_alone():
    def stumbles(shelf: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
        if incoming.data == parcels.Posted(weight=13):
            raise ValueError("a defect")
        return fold(shelf, incoming)

    left_behind = []
    view = View(name="shelves", model=Shelf, fold=stumbles)
    shelves = ViewProjection(view, MemoryViewStore())
    own = OwnProjections([shelves], parcels.VOCABULARY, "/test", lambda: left_behind.append(1))
    await own.apply([commit(1, 13), commit(1, 7, 8, stream="parcel-2")])
    assert await shelves.get("1") is None
    assert await shelves.get("2") == Shelf(weights=(7, 8))  # both events of its commit
    assert left_behind == [1]


async def test_what_a_crash_of_the_store_lost_is_written_again_when_it_is_said_again():
    store = MemoryViewStore()
    shelves = ViewProjection(SHELVES, store)
    own = incoming(commit(1, 10))
    await shelves.apply(own)
    await store.clear(SHELVES.name)
    await shelves.apply(own)
    assert await shelves.get("1") == Shelf(weights=(10,))


async def test_a_document_of_an_earlier_version_has_every_field_before_it_is_changed():
    """A fold may rely on them, and a query finds what it made."""
    store = MemoryViewStore()
    await store.save(SHELVES.name, [ViewDocument("1", {"weights": [10]}, {"parcel-1": 1}, 1)])
    await ViewProjection(SHELVES, store).apply(incoming(commit(2, 20)))
    (document,) = (await store.load(SHELVES.name, ["1"])).values()
    assert document.body == {"weights": [10, 20], "colour": "white"}
