"""Views: a pure fold, each event once, whatever comes twice or late."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import parcels
import pytest
from fixtures.memory_event_store import MemoryEventStore
from fixtures.memory_view_store import MemoryViewStore
from pydantic import BaseModel

from bmt.chassis.eventsourcing.decider import IncomingEvent
from bmt.chassis.eventsourcing.event_store import Commit, EventRecord
from bmt.chassis.messaging.relay import OwnProjections
from bmt.chassis.readmodels import rebuilding
from bmt.chassis.readmodels.rebuilding import OwnStreams, rebuild
from bmt.chassis.readmodels.view_store import Body, ViewDocument
from bmt.chassis.readmodels.views import View, ViewProjection

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Shelf(BaseModel):
    weights: tuple[int, ...] = ()
    colour: str = "white"


EMPTY: Body = {"weights": [], "colour": "white"}


def fold(shelf: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    match incoming.data:
        case parcels.Posted(weight=weight) if weight < 0:
            raise ValueError("a defect of the fold")
        case parcels.Posted(weight=weight):
            return {**(shelf or EMPTY), "weights": [*(shelf or EMPTY)["weights"], weight]}
        case _:
            return shelf


SHELVES = View(name="shelves", model=Shelf, fold=fold)


def incoming(*commits: Commit) -> list[IncomingEvent[BaseModel]]:
    return parcels.VOCABULARY.incoming(commits, "/test")


async def test_each_event_counts_once_however_often_it_comes():
    shelves = ViewProjection(SHELVES, MemoryViewStore())
    first, second = commit(1, 10), commit(2, 20, 21)
    for delivery in ([first, second, second], [first], [second]):
        await shelves.apply(incoming(*delivery))
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
    """What a crash left out is fetched from the stream."""
    store = MemoryEventStore()
    commits = [commit(version, version * 10) for version in range(1, 8)]
    await store.append(commits)
    missed = OwnStreams(store, parcels.VOCABULARY, "/test").between
    chance = random.Random(1)
    for _ in range(50):
        shelves = ViewProjection(SHELVES, MemoryViewStore(), missed)
        deliveries = [*commits, *chance.choices(commits, k=5)]
        chance.shuffle(deliveries)
        for delivery in deliveries:
            await shelves.apply(incoming(delivery))
        assert await shelves.get("1") == Shelf(weights=(10, 20, 30, 40, 50, 60, 70))


async def test_an_event_that_a_view_cannot_take_in_stands_alone():
    left_behind = []
    shelves = ViewProjection(SHELVES, MemoryViewStore())
    own = OwnProjections([shelves], parcels.VOCABULARY, "/test", lambda: left_behind.append(1))
    await own.apply([commit(1, -1), commit(1, 7, 8, stream="parcel-2")])
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


LATER = NOON + timedelta(days=1)


ALL_ON_ONE = replace(SHELVES, key=lambda _: "shelf")


def commit(version: int, *weights: int, stream: str = "parcel-1", minute: int = 0) -> Commit:
    at = NOON + timedelta(minutes=minute)
    events = tuple(
        EventRecord(
            f"{stream}-{version}-{i}", "test.Posted.v1", at, version, f'{{"weight":{weight}}}'
        )
        for i, weight in enumerate(weights)
    )
    return Commit(f"{stream}-{version}", stream, version, version, events, "f", at)


class Service:
    """One service's stores, its view, and its own process that writes it."""

    def __init__(self, view: View[Shelf] = SHELVES, views: MemoryViewStore | None = None) -> None:
        self.commits = MemoryEventStore()
        self.views = views or MemoryViewStore()
        self.own = OwnStreams(self.commits, parcels.VOCABULARY, "/test")
        self.view, live = (ViewProjection(view, self.views, self.own.between) for _ in range(2))
        self._live = OwnProjections([live], parcels.VOCABULARY, "")
        self.pages: list[tuple[str, int]] = []
        self.documents = self.left = 0
        self.goes_on = True

    async def decide(self, *commits: Commit) -> None:
        await self.commits.append(commits)
        await self._live.apply(commits)

    async def advance(self, page, remade):
        self.pages.append((page.last.stream, page.last.version))
        self.documents += remade.documents
        self.left += remade.left
        return self.goes_on

    async def rebuild(self, pruned: datetime | None = None) -> None:
        async def pruned_before():
            return pruned

        assert await rebuild(self.view, self.own, self.advance, pruned_before=pruned_before)

    async def shows(self) -> dict[str, tuple[int, ...]]:
        keys = [*map(str, range(1, 9)), "shelf"]
        return {key: one.weights for key, one in (await self.view.get_many(keys)).items()}

    async def spoil(self, key: str, **changes) -> None:
        """As a defect of an earlier version left it."""
        found = (await self.views.load("shelves", [key]))[key]
        spoilt = replace(found, body={"weights": [666]}, revision=found.revision + 1, **changes)
        assert not await self.views.save("shelves", [spoilt])


async def test_each_document_is_what_its_stream_tells_whatever_was_there():
    service = Service()
    await service.decide(commit(1, 10), commit(2, 20, 21), commit(1, 7, stream="parcel-2"))
    await service.spoil("1")
    await service.views.remove("shelves", ["2"])
    await service.rebuild()
    assert await service.shows() == {"1": (10, 20, 21), "2": (7,)}
    assert (service.documents, service.left) == (2, 0)
    await service.decide(commit(3, 30))
    assert await service.shows() == {"1": (10, 20, 21, 30), "2": (7,)}


@pytest.mark.parametrize("page", [1, 2, 3, 100])
async def test_streams_go_over_the_edges_of_pages_and_stay_whole(page, monkeypatch):
    monkeypatch.setattr(rebuilding, "PAGE", page)
    service = Service()
    shown = {str(length): tuple(range(1, length + 1)) for length in (1, 2, 3, 4)}
    for key, versions in shown.items():
        await service.decide(*(commit(v, v, stream=f"parcel-{key}") for v in versions))
        await service.spoil(key)
    await service.rebuild()
    assert await service.shows() == shown
    assert (service.pages[-1], service.documents) == (("parcel-4", 4), 4)


async def test_it_goes_on_after_the_page_that_was_noted_last():
    service = Service()
    await service.decide(commit(1, 10), commit(1, 7, stream="parcel-2"))
    await service.spoil("1")
    await service.spoil("2")
    assert await rebuild(service.view, service.own, service.advance, after=("parcel-1", 1))
    assert await service.shows() == {"1": (666,), "2": (7,)}


async def test_it_stops_where_the_job_was_begun_again(monkeypatch):
    monkeypatch.setattr(rebuilding, "PAGE", 1)
    service = Service()
    service.goes_on = False
    await service.decide(*(commit(1, 1, stream=f"parcel-{number}") for number in range(1, 9)))
    assert not await rebuild(service.view, service.own, service.advance)
    assert service.pages == [("parcel-1", 1)]


class Meanwhile(MemoryViewStore):
    """Somebody does something right before the first write of the rebuild."""

    act = None

    async def save(self, view, documents, *, durable=False):
        act, self.act = self.act, None
        if act:
            await act()
        return await super().save(view, documents, durable=durable)


@pytest.mark.parametrize("is_lost", [False, True], ids=["stored", "lost"])
async def test_what_is_decided_between_its_reading_and_its_writing_is_kept(is_lost):
    views = Meanwhile()
    service = Service(views=views)
    await service.decide(commit(1, 10), commit(2, 20))
    if is_lost:
        await views.remove("shelves", ["1"])

    async def decided():
        await service.decide(commit(3, 30))

    views.act = decided
    await service.rebuild()
    assert await service.shows() == {"1": (10, 20, 30)}
    (stored,) = (await views.load("shelves", ["1"])).values()
    assert stored.applied == {"parcel-1": 3}
    assert service.documents == 1


async def test_what_was_decided_before_the_document_was_read_is_not_undone():
    """The page is older than the document: its stream is read again."""
    service = Service()
    await service.decide(commit(1, 10))
    page = [page async for page in service.own.pages()]
    await service.decide(commit(2, 20))
    await service.view.remake(page[0].streams, service.own.whole)
    assert await service.shows() == {"1": (10, 20)}


async def test_a_document_of_several_streams_is_made_of_all_of_them_as_they_happened(monkeypatch):
    monkeypatch.setattr(rebuilding, "PAGE", 1)
    service = Service(ALL_ON_ONE)
    await service.decide(commit(1, 10, stream="parcel-2", minute=1))
    await service.decide(commit(1, 20, stream="parcel-1", minute=2))
    await service.decide(commit(2, 30, stream="parcel-2", minute=3))
    for spoil in (service.spoil("shelf"), service.views.clear("shelves")):
        await spoil
        await service.rebuild()
        assert await service.shows() == {"shelf": (10, 20, 30)}


async def test_what_own_streams_do_not_tell_stays_as_it_is():
    """Another service's events are in it, or one of its streams was pruned."""
    service = Service()
    await service.decide(commit(1, 10), commit(1, 7, stream="parcel-2"))
    await service.spoil("1", applied={"parcel-1": 1, "/bmt/other/1": 4})
    await service.spoil("2", applied={"parcel-2": 1, "parcel-9": 1})
    await service.rebuild()
    assert await service.shows() == {"1": (666,), "2": (666,)}
    assert (service.documents, service.left) == (0, 2)


async def test_a_defect_of_the_fold_leaves_its_document_alone_as_it_is():
    service = Service()
    await service.decide(commit(1, 10), commit(1, 7, stream="parcel-2"))
    await service.commits.append([commit(2, -1)])
    await service.spoil("2")
    await service.rebuild()
    assert await service.shows() == {"1": (10,), "2": (7,)}
    assert (service.documents, service.left) == (1, 1)


class Pruned(MemoryEventStore):
    """Its commits are removed once they were read as a page."""

    async def load(self, streams):
        return {stream: [] for stream in streams}


@pytest.mark.parametrize(
    ("store", "shown"),
    [(Pruned, {}), (MemoryEventStore, {"1": (10,)})],
    ids=["gone by now", "still there"],
)
async def test_what_is_old_is_made_again_unless_it_is_pruned_meanwhile(store, shown):
    service = Service()
    service.commits = store()
    service.own = OwnStreams(service.commits, parcels.VOCABULARY, "/test")
    await service.commits.append([commit(1, 10)])
    await service.rebuild(pruned=LATER)
    assert await service.shows() == shown


async def test_what_shows_nothing_is_no_document_and_not_counted():
    service = Service(replace(SHELVES, fold=lambda shelf, _: shelf))
    await service.commits.append([commit(1, 10)])
    await service.rebuild()
    assert (await service.shows(), service.documents, service.left) == ({}, 0, 0)
    assert not await service.views.load("shelves", ["1"])


async def test_a_document_that_is_pruned_right_before_its_writing_is_not_brought_back():
    views = Meanwhile()
    service = Service(views=views)
    await service.decide(commit(1, 10))

    async def prune():
        service.commits._by_id.clear()
        service.commits._streams.clear()
        await views.remove("shelves", ["1"])

    views.act = prune
    await service.rebuild()
    assert await service.shows() == {}
