"""What a view store promises, in memory and in MongoDB alike."""

from datetime import UTC, datetime

from bmt.chassis.readmodels.view_store import Query, ViewDocument

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def document(key: str, revision: int = 1, **body) -> ViewDocument:
    return ViewDocument(key, body, {"parcel-1": revision}, revision)


async def keys(store, **query) -> list[str]:
    return [found.key for found in await store.find("parcels", Query(**query))]


async def filled(store):
    rows = [
        document("a", weight=3, place={"town": "Ipoh"}, due=NOON, words=["sila", "segera"]),
        document("b", weight=1, place={"town": "Melaka"}, due=NOON, words=["biasa"]),
        document("c", weight=2, place={"town": "Ipoh"}, due=NOON, words=["segera"]),
        document("d", weight=2, place={"town": "Kuching"}, due=NOON, words=["(a.b)", "segi"]),
    ]
    assert not await store.save("parcels", rows)
    return store


async def test_a_document_reads_back_as_it_was_written(view_store):
    written = document("a", weight=3, due=NOON, open=True, note=None)
    assert not await view_store.save("parcels", [written])
    assert await view_store.load("parcels", ["a", "z"]) == {"a": written}


async def test_of_what_is_found_only_the_fields_that_are_asked_for_are_read(view_store):
    await filled(view_store)
    found = await view_store.find("parcels", Query(equal={"weight": 3}, fields=("due", "words")))
    assert found == [document("a", due=NOON, words=["sila", "segera"])]


async def test_what_looks_like_an_expression_is_kept_as_it_is(view_store):
    body = {"said": "$$ROOT", "paid": "$_revision", "of": {"a.b": 1, "$c": {"$literal": 2}}}
    await view_store.save("parcels", [document("a")])
    for revision in (2, 3):
        written = ViewDocument("a", body, {"/bmt/x.y/1": revision}, revision)
        assert not await view_store.save("parcels", [written])
        assert await view_store.load("parcels", ["a"]) == {"a": written}


async def test_only_the_next_revision_is_written(view_store):
    await view_store.save("parcels", [document("a", 1, weight=1)])
    assert await view_store.save("parcels", [document("a", 2, weight=2)]) in ((), [])
    assert list(await view_store.save("parcels", [document("a", 2, weight=9)])) in ([], ["a"])
    stale = ViewDocument("a", {"weight": 9}, {"parcel-1": 9}, 2)
    assert list(await view_store.save("parcels", [stale])) == ["a"]
    first_again = ViewDocument("a", {"weight": 9}, {"parcel-1": 9}, 1)
    assert list(await view_store.save("parcels", [first_again])) == ["a"]
    assert (await view_store.load("parcels", ["a"]))["a"].body == {"weight": 2}


async def test_a_conflict_stops_no_other_document(view_store):
    await view_store.save("parcels", [document("a")])
    stale = ViewDocument("a", {"weight": 9}, {"parcel-1": 9}, 1)
    assert list(await view_store.save("parcels", [stale, document("b")])) == ["a"]
    assert set(await view_store.load("parcels", ["a", "b"])) == {"a", "b"}


async def test_of_many_written_together_each_has_its_own_guard(view_store):
    names = [f"p{number:03}" for number in range(120)]
    text = "x" * 20_000  # more than one update holds
    assert not await view_store.save("parcels", [document(name, text=text) for name in names])
    await view_store.save("parcels", [document(name, 2) for name in names[::3]])
    ahead = {name: 2 if name in names[::3] else 1 for name in names}
    wrong = {*names[1::7]}
    rows = [
        ViewDocument(name, {"text": text, "of": name}, {"parcel-1": 9}, ahead[name] + shift)
        for name in names
        for shift in [2 if name in wrong else 1]
    ]
    assert set(await view_store.save("parcels", rows)) == wrong
    stored = await view_store.load("parcels", names)
    assert {name for name in names if stored[name].body.get("of") == name} == {*names} - wrong
    assert all(stored[row.key] == row for row in rows if row.key not in wrong)


async def test_documents_are_found_by_their_fields(view_store):
    store = await filled(view_store)
    assert await keys(store, equal={"place.town": "Ipoh"}) == ["a", "c"]
    assert await keys(store, one_of={"weight": [1, 3]}) == ["a", "b"]
    assert await keys(store, none_of={"_id": ["a", "b"]}) == ["c", "d"]
    assert await keys(store, at_least={"weight": 2}, below={"weight": 3}) == ["c", "d"]
    assert await keys(store, beginning={"words": ["seg"]}) == ["a", "c", "d"]
    assert await keys(store, beginning={"words": ["seg", "si"]}) == ["a"]
    assert await keys(store, beginning={"words": ["(a."]}) == ["d"]
    assert await keys(store, beginning={"words": ["era"]}) == []


async def test_pages_follow_each_other_without_gap_or_overlap(view_store):
    store = await filled(view_store)
    assert await keys(store, order_by="weight", limit=2) == ["b", "c"]
    assert await keys(store, order_by="weight", limit=2, after=(2, "c")) == ["d", "a"]
    assert await keys(store, order_by="weight", descending=True) == ["a", "d", "c", "b"]
    down = await keys(store, order_by="weight", descending=True, after=(2, "d"))
    assert down == ["c", "b"]
    assert await keys(store, after=(None, "b")) == ["c", "d"]


async def test_what_has_no_value_comes_first_and_pages_go_on_behind_it(view_store):
    rows = [
        document("a", due=NOON),
        document("b"),
        document("c", due=None),
        document("d", due=NOON),
    ]
    assert not await view_store.save("parcels", rows)
    assert await keys(view_store, order_by="due") == ["b", "c", "a", "d"]
    assert await keys(view_store, order_by="due", after=(None, "b")) == ["c", "a", "d"]
    assert await keys(view_store, order_by="due", after=(None, "c")) == ["a", "d"]
    assert await keys(view_store, order_by="due", after=(NOON, "a")) == ["d"]
    down = {"order_by": "due", "descending": True, "nullable": True}
    assert await keys(view_store, **down) == ["d", "a", "c", "b"]
    assert await keys(view_store, **down, after=(NOON, "a")) == ["c", "b"]
    assert await keys(view_store, **down, after=(None, "c")) == ["b"]


async def test_documents_are_counted_by_fields(view_store):
    store = await filled(view_store)
    by_town = await store.count("parcels", ["place.town", "weight"], Query())
    assert dict(by_town) == {
        ("Ipoh", 3): 1,
        ("Ipoh", 2): 1,
        ("Melaka", 1): 1,
        ("Kuching", 2): 1,
    }


async def test_the_different_values_of_a_field(view_store):
    store = await filled(view_store)
    assert set(await store.distinct("parcels", "weight", Query())) == {1, 2, 3}
    ipoh = Query(one_of={"place.town": ["Ipoh", "Kluang"]})
    assert list(await store.distinct("parcels", "place.town", ipoh)) == ["Ipoh"]
    assert list(await store.distinct("parcels", "absent", Query())) == []


async def test_a_cleared_view_is_empty(view_store):
    store = await filled(view_store)
    await store.clear("parcels")
    assert await keys(store) == []
