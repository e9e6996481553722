"""Whatever is asked of the view stores and in whatever order, the fast one answers as the real one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fixtures.memory_view_store import MemoryViewStore
from fixtures.two_stores import TwoStores, explore
from hypothesis import strategies as st
from hypothesis.stateful import rule

from bmt.chassis.readmodels.view_store import Query, ViewDocument

pytestmark = pytest.mark.integration

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
VIEW = "parcels"
KEYS = st.sampled_from("abcdefgh")
WEIGHTS = st.integers(0, 3)
TOWNS = st.sampled_from(["Ipoh", "Melaka"])
WORDS = st.lists(st.sampled_from(["sila", "segera", "(a.b", "biasa"]), max_size=3)
DUE = st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours))
BODIES = st.fixed_dictionaries(
    {
        "weight": WEIGHTS,
        "place": st.fixed_dictionaries({"town": TOWNS}),
        "words": WORDS,
        "due": DUE,
        "sealed": st.booleans(),
        "by": st.none() | st.just("Siti"),
    }
)
ORDERS = {None: st.none(), "weight": WEIGHTS, "place.town": TOWNS, "due": DUE}


@st.composite
def queries(draw):
    order_by = draw(st.sampled_from(list(ORDERS)))
    place = st.tuples(ORDERS[order_by], KEYS)
    return Query(
        equal=draw(st.fixed_dictionaries({}, optional={"place.town": TOWNS, "by": st.none()})),
        one_of=draw(st.fixed_dictionaries({}, optional={"weight": st.lists(WEIGHTS, max_size=2)})),
        none_of=draw(st.fixed_dictionaries({}, optional={"_id": st.lists(KEYS, max_size=2)})),
        at_least=draw(st.fixed_dictionaries({}, optional={"due": DUE, "weight": WEIGHTS})),
        below=draw(st.fixed_dictionaries({}, optional={"due": DUE})),
        beginning=draw(
            st.fixed_dictionaries(
                {}, optional={"words": st.lists(st.sampled_from(["seg", "(a."]), max_size=2)}
            )
        ),
        order_by=order_by,
        descending=draw(st.booleans()),
        after=draw(st.none() | place),
        limit=draw(st.integers(1, 9)),
    )


class ViewStores(TwoStores):
    """`writes` numbers what is written: each write holds an event that no other one does."""

    def __init__(self, pair):
        super().__init__(pair)
        self.writes = 0

    @rule(
        bodies=st.dictionaries(KEYS, BODIES, max_size=4),
        late=st.sampled_from([0, 0, 0, -1, 1]),
        durable=st.booleans(),
    )
    def save(self, bodies, late, durable):
        """The next revision of each, or (`late`) one that was written before or has none before it."""
        stored = self.agree(lambda store: store.load(VIEW, list(bodies)))
        documents = [
            self._document(key, body, stored.get(key), late) for key, body in bodies.items()
        ]
        memory, mongodb = self.ask(lambda store: store.save(VIEW, documents, durable=durable))
        assert sorted(memory) == sorted(mongodb)
        if not late:
            assert not list(memory)

    def _document(self, key, body, stored, late):
        self.writes += 1
        revision = max(1, (stored.revision if stored else 0) + 1 + late)
        return ViewDocument(key, body, {"parcel-1": self.writes}, revision)

    @rule(keys=st.lists(KEYS, max_size=4))
    def load(self, keys):
        self.agree(lambda store: store.load(VIEW, keys))

    @rule(query=queries())
    def find(self, query):
        self.agree(lambda store: store.find(VIEW, query))

    # Nothing is counted page by page.
    @rule(
        by=st.lists(st.sampled_from(["weight", "place.town", "by"]), min_size=1, unique=True),
        query=queries(),
    )
    def count(self, by, query):
        memory, mongodb = self.ask(lambda store: store.count(VIEW, by, _whole(query)))
        assert dict(memory) == dict(mongodb)

    @rule(field=st.sampled_from(["weight", "place.town", "by"]), query=queries())
    def distinct(self, field, query):
        memory, mongodb = self.ask(lambda store: store.distinct(VIEW, field, _whole(query)))
        assert set(memory) == set(mongodb)

    @rule(sure=st.sampled_from([False, False, False, True]))
    def clear(self, sure):
        if sure:
            self.agree(lambda store: store.clear(VIEW))


def _whole(query):
    return replace(query, after=None)


async def test_the_fast_view_store_answers_as_the_real_one(mongo_view_store):
    async def empty():
        await mongo_view_store.clear(VIEW)
        return MemoryViewStore(), mongo_view_store

    await explore(ViewStores, empty)
