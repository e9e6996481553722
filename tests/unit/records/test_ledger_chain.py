"""The chain: whatever is done to it afterwards is found, and named."""

import copy
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from bmt.contracts.values import LARGEST_EXACT_INTEGER
from services.records.ledger.canonical import NotCanonical, canonical, leaf_hash, storable
from services.records.ledger.leaf import Entry, Tail, chained
from services.records.ledger.leaves import _document
from services.records.ledger.verification import (
    Anchor,
    FileAsFound,
    chain_faults,
    file_faults,
    folio_fault,
    register_faults,
)

REQUEST = "019ab000-0000-7000-8000-000000000001"
NOW = datetime(2025, 11, 24, tzinfo=UTC).isoformat()

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0$")), inner)
    ),
    max_leaves=6,
)
DATA = st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=97)), JSON, max_size=3)
CHAINS = st.lists(DATA, min_size=2, max_size=6)


def chain(*datas: Any) -> list[dict[str, Any]]:
    """A request's leaves as they are stored."""
    tail, leaves = Tail(), []
    for number, data in enumerate(datas, start=1):
        whole = {"id": f"event-{number}", "type": "my.gov.bmt.Approved.v1", "data": data}
        event, _ = storable(whole)
        leaf = chained(Entry(REQUEST, "bmt.decisions.v1", event), tail, NOW)
        leaves.append(_document(leaf))
        tail = Tail(leaf.index, leaf.hash)
    return leaves


def wrong(leaves):
    return [(fault.leaf, fault.wrong) for fault in chain_faults(REQUEST, leaves)]


def sound(leaves):
    anchors = [Anchor(leaf["index"], leaf["hash"], leaf["_id"]) for leaf in leaves]
    return FileAsFound(REQUEST, leaves, range(1, 5), anchors, numbered=True)


def wrong_file(leaves, as_filed):
    file = sound(as_filed)
    found = FileAsFound(REQUEST, leaves, file.versions, file.anchors, numbered=True)
    return [(fault.leaf, fault.wrong) for fault in file_faults(found)]


THREE = chain({"reason": "a"}, {"reason": "b"}, {"reason": "c"})


def edited(*, with_a_new_hash):
    leaf = copy.deepcopy(THREE[1])
    leaf["event"]["data"]["reason"] = "z"
    if with_a_new_hash:
        content = {name: leaf[name] for name in leaf if name not in ("_id", "hash")}
        leaf["hash"] = leaf_hash(content)
    return leaf


def again(leaf):
    """The same event, chained once more at the end."""
    tail = Tail(3, THREE[2]["hash"])
    return _document(chained(Entry(REQUEST, leaf["topic"], leaf["event"]), tail, NOW))


ONE, TWO, LAST = THREE


@pytest.mark.parametrize(
    ("leaves", "in_the_chain", "by_what_was_filed"),
    [
        pytest.param(THREE, [], [], id="as it was written"),
        pytest.param(
            [ONE, edited(with_a_new_hash=False), LAST], [(2, "hash_mismatch")], [], id="edited"
        ),
        pytest.param(
            [ONE, edited(with_a_new_hash=True), LAST],
            [(3, "previous_mismatch")],
            [(2, "other_event")],
            id="edited, with a new hash",
        ),
        pytest.param(
            [{**ONE, "note": "approved by phone"}],
            [(1, "hash_mismatch")],
            [(2, "leaf_missing"), (3, "leaf_missing")],
            id="a field added",
        ),
        pytest.param(
            [ONE, LAST],
            [(3, "index_gap"), (3, "previous_mismatch")],
            [(2, "leaf_missing")],
            id="removed from the middle",
        ),
        pytest.param(THREE[:2], [], [(3, "leaf_missing")], id="removed from the end"),
        pytest.param(
            [ONE, {**LAST, "index": 2}, {**TWO, "index": 3}],
            [(leaf, wrong) for leaf in (2, 3) for wrong in ("previous_mismatch", "hash_mismatch")],
            [(2, "other_event"), (3, "other_event")],
            id="another order",
        ),
        pytest.param([*THREE, again(ONE)], [(4, "duplicate")], [], id="one twice"),
        pytest.param(
            chain({"reason": "x"}, {"reason": "b"}, {"reason": "c"}),
            [],
            [(1, "other_event"), (2, "other_event"), (3, "other_event")],
            id="rewritten from the start",
        ),
    ],
)
def test_whatever_is_done_to_a_chain_is_found_in_it_or_by_what_was_filed(
    leaves, in_the_chain, by_what_was_filed
):
    assert wrong(leaves) == in_the_chain
    assert wrong_file(leaves, THREE) == [*in_the_chain, *by_what_was_filed]


def test_a_chain_that_is_gone_altogether_is_found():
    file = FileAsFound(REQUEST, [], [], [], numbered=True)
    assert [fault.wrong for fault in file_faults(file)] == ["leaf_missing"]


def test_a_leaf_on_its_way_into_the_file_is_no_fault():
    file = sound(THREE[:2])
    ahead = FileAsFound(REQUEST, THREE, file.versions, file.anchors, numbered=True)

    assert list(file_faults(ahead)) == []


def test_a_removed_commit_is_found():
    file = FileAsFound(REQUEST, THREE, [1, 3], sound(THREE).anchors, numbered=True)
    assert [fault.wrong for fault in file_faults(file)] == ["commit_missing"]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"index": "1", "hash": 7, "event": "gone"},
        {"index": {"a": 1}, "event": {"id": ["x"]}},
        {**THREE[0], "recorded_at": datetime(2025, 11, 24, tzinfo=UTC)},
        {**THREE[0], "event": {**THREE[0]["event"], "data": {"size": 2**60}}},
    ],
)
def test_whatever_a_leaf_was_turned_into_it_is_told_and_not_stumbled_over(broken):
    assert wrong([broken])
    assert wrong_file([broken], THREE)


@given(CHAINS)
def test_any_chain_as_it_was_written_has_no_fault(datas):
    leaves = chain(*datas)
    assert wrong_file(leaves, leaves) == []


@given(CHAINS, st.data())
def test_any_change_of_any_chain_is_found(datas, draw):
    leaves = chain(*datas)
    place = draw.draw(st.integers(0, len(leaves) - 1))
    tampered = copy.deepcopy(leaves)
    match draw.draw(st.sampled_from(["edit", "delete", "swap", "repeat"])):
        case "edit":
            data, _ = storable(draw.draw(DATA))
            if canonical(data) == canonical(leaves[place]["event"]["data"]):
                data = {"other": data}
            tampered[place]["event"]["data"] = data
        case "delete":
            del tampered[place]
        case "swap":
            other = draw.draw(st.integers(0, len(leaves) - 1).filter(lambda one: one != place))
            tampered[place], tampered[other] = tampered[other], tampered[place]
        case "repeat":
            tampered.insert(place, tampered[place])

    assert wrong_file(tampered, leaves)


def test_a_big_integer_is_kept_as_text():
    size = LARGEST_EXACT_INTEGER
    assert storable({"a": [size, size + 1, -size - 1, True]})[0] == {
        "a": [size, str(size + 1), str(-size - 1), True]
    }


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {"\ud800": 1}, 2**60, object()])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(NotCanonical):
        canonical({"value": value})


def test_what_mongodb_cannot_keep_is_refused():
    deep: Any = {}
    for _ in range(100):
        deep = {"deeper": deep}
    for value in (deep, {"a\0b": 1}, {"a": [{"$ref": 1}]}):
        with pytest.raises(NotCanonical):
            storable(value)


def test_members_are_ordered_as_rfc_8785_orders_them():
    assert canonical({"\u20ac": 1, "\U0001f600": 2, "1": 3.0, "\ufb33": 4}) == (
        '{"1":3,"\u20ac":1,"\U0001f600":2,"\ufb33":4}'.encode()
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_EXACT_INTEGER, LARGEST_EXACT_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_the_fast_way_to_canonical_json_gives_the_bytes_of_the_reference(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(JSON)
@example({"\U0001f600": 1, "\ufb33": 2})
@example([{"a": 1e30}])
def test_what_was_kept_once_has_the_bytes_of_the_reference(value):
    with suppress(NotCanonical):  # a name with $ or NUL
        whole, plain = storable(value)
        assert whole == value
        assert canonical(whole, plain=plain) == rfc8785.dumps(value)


def test_a_folio_is_checked_byte_for_byte():
    name = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"

    assert folio_fault(REQUEST, name, [b"f", b"oo"]) is None
    assert folio_fault(REQUEST, name, [b"bar"]).wrong == "folio_mismatch"
    assert folio_fault(REQUEST, name, None).wrong == "folio_missing"


def test_a_gap_in_the_file_numbers_is_found():
    register = [("JPA", 1, "a"), ("MAMPU", 1, "b"), ("MAMPU", 3, "c")]
    assert [(fault.request_id, fault.wrong) for fault in register_faults(register)] == [
        ("c", "number_gap")
    ]
