"""A view is made again beside everything that writes it: nothing is lost, nothing is shown twice."""

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
from bmt.chassis.readmodels.view_store import Body
from bmt.chassis.readmodels.views import View, ViewProjection

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


class Shelf(BaseModel):
    weights: tuple[int, ...] = ()


def fold(shelf: Body | None, incoming: IncomingEvent[BaseModel]) -> Body | None:
    assert isinstance(incoming.data, parcels.Posted)
    if incoming.data.weight < 0:
        raise ValueError("a defect of the fold")
    return {"weights": [*(shelf["weights"] if shelf else ()), incoming.data.weight]}


SHELVES = View(name="shelves", model=Shelf, fold=fold)
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
        missed = self.own.between
        self.view = ViewProjection(view, self.views, missed)
        self._live = OwnProjections(
            [ViewProjection(view, self.views, missed)], parcels.VOCABULARY, ""
        )
        self.pages: list[tuple[str, int]] = []
        self.documents = self.left = 0

    async def decide(self, *commits: Commit) -> None:
        await self.commits.append(commits)
        await self._live.apply(commits)

    async def rebuild(self, pruned: datetime | None = None) -> None:
        async def advance(page, remade):
            self.pages.append((page.last.stream, page.last.version))
            self.documents += remade.documents
            self.left += remade.left
            return True

        async def pruned_before():
            return pruned

        assert await rebuild(self.view, self.own, advance, pruned_before=pruned_before)

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
    lengths = {f"parcel-{number}": number for number in (1, 2, 3, 4)}
    for stream, length in lengths.items():
        await service.decide(*(commit(v, v, stream=stream) for v in range(1, length + 1)))
        await service.spoil(stream.removeprefix("parcel-"))
    await service.rebuild()
    assert await service.shows() == {
        "1": (1,),
        "2": (1, 2),
        "3": (1, 2, 3),
        "4": (1, 2, 3, 4),
    }
    assert service.pages[-1] == ("parcel-4", 4)
    assert service.documents == 4


async def test_it_goes_on_after_the_page_that_was_noted_last():
    service = Service()
    await service.decide(commit(1, 10), commit(1, 7, stream="parcel-2"))
    await service.spoil("1")
    await service.spoil("2")

    async def advance(page, remade):
        return True

    assert await rebuild(service.view, service.own, advance, after=("parcel-1", 1))
    assert await service.shows() == {"1": (666,), "2": (7,)}


async def test_it_stops_where_the_job_was_begun_again(monkeypatch):
    monkeypatch.setattr(rebuilding, "PAGE", 1)
    service = Service()
    await service.decide(*(commit(1, 1, stream=f"parcel-{number}") for number in range(1, 9)))
    noted = []

    async def advance(page, remade):
        noted.append(page.last.stream)
        return False

    assert not await rebuild(service.view, service.own, advance)
    assert noted == ["parcel-1"]


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


async def test_what_was_decided_before_the_document_was_read_is_not_undone(monkeypatch):
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
    first = commit(1, 10, stream="parcel-2", minute=1)
    second = commit(1, 20, stream="parcel-1", minute=2)
    third = commit(2, 30, stream="parcel-2", minute=3)
    for each in (first, second, third):
        await service.decide(each)
    await service.spoil("shelf")
    await service.rebuild()
    assert await service.shows() == {"shelf": (10, 20, 30)}
    await service.views.clear("shelves")
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


async def test_what_is_pruned_meanwhile_is_not_brought_back():
    service = Service()
    service.commits = Pruned()
    service.own = OwnStreams(service.commits, parcels.VOCABULARY, "/test")
    await service.commits.append([commit(1, 10)])
    await service.rebuild(pruned=LATER)
    assert await service.shows() == {}


async def test_what_is_old_and_still_there_is_made_again():
    service = Service()
    await service.commits.append([commit(1, 10)])
    await service.rebuild(pruned=LATER)
    assert await service.shows() == {"1": (10,)}


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
