"""The tree against RFC 6962's own recursive definition, for every size up to 1,024."""

import hashlib
from functools import cache

from fixtures.thoroughness import LONG
from hypothesis import given
from hypothesis import strategies as st

from bmt.verify_record import root_from_proof
from services.records.tree.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Frontier,
    consistency_ranges,
    inclusion_ranges,
    verifies_consistency,
)

SIZES = range(1025) if LONG else [*range(70), 127, 128, 129, 255, 256, 257, 511, 513]


def proves(leaf_hash, place, size, proof, root):
    """By the code that an auditor runs."""
    try:
        return root_from_proof(leaf_hash, place, size, proof) == root
    except ValueError:
        return False


def leaf(number):
    return hashlib.sha256(b"\0" + str(number).encode()).digest()


@cache
def mth(start, end):
    """MTH as section 2.1 of the RFC defines it: written for this test, from the text alone."""
    if start == end:
        return hashlib.sha256(b"").digest()
    if end - start == 1:
        return leaf(start)
    k = 1
    while 2 * k < end - start:
        k *= 2
    left, right = mth(start, start + k), mth(start + k, end)
    return hashlib.sha256(b"\1" + left + right).digest()


def audit_path(m, start, end):
    if end - start == 1:
        return []
    k = 1
    while 2 * k < end - start:
        k *= 2
    if m < k:
        return [*audit_path(m, start, start + k), mth(start + k, end)]
    return [*audit_path(m - k, start + k, end), mth(start, start + k)]


def test_the_edge_has_the_root_of_the_definition_at_every_size():
    edge = Frontier()
    for size in range(1025):
        assert edge.size == size
        assert edge.root() == mth(0, size)
        edge.append([leaf(size)])
    assert mth(0, 0) == EMPTY_ROOT


@given(st.lists(st.integers(0, 700), max_size=6))
def test_however_leaves_come_together_the_tree_is_the_same(groups):
    edge, tiles = Frontier(), []
    for group in groups:
        tiles += edge.append([leaf(edge.size + place) for place in range(group)])
    assert edge.root() == mth(0, sum(groups))
    assert len(tiles) == sum(groups) // TILE_WIDTH
    for tile in tiles:
        assert tile.root == mth(tile.index * TILE_WIDTH, (tile.index + 1) * TILE_WIDTH)


def test_a_tile_of_tiles_falls_off_with_its_last_leaf():
    edge = Frontier()
    tiles = edge.append([leaf(number) for number in range(TILE_WIDTH**2 + 3)])
    assert [(tile.level, tile.index) for tile in tiles[-2:]] == [(0, 255), (1, 0)]
    assert tiles[-1].root == mth(0, TILE_WIDTH**2)
    assert edge.root() == mth(0, TILE_WIDTH**2 + 3)


def test_every_leaf_is_proven_as_the_definition_does():
    for number, size in ((number, each) for each in SIZES for number in range(each)):
        proof = [mth(*part) for part in inclusion_ranges(number, size)]
        assert proof == audit_path(number, 0, size)
        assert proves(leaf(number), number, size, proof, mth(0, size))


def test_every_tree_begins_every_larger_one():
    for first, second in ((first, each) for each in SIZES for first in range(each + 1)):
        proof = [mth(*part) for part in consistency_ranges(first, second)]
        assert verifies_consistency(first, mth(0, first), second, mth(0, second), proof)
        if 0 < first < second:
            other = leaf(-1)
            assert not verifies_consistency(first, other, second, mth(0, second), proof)
            assert not verifies_consistency(first, mth(0, first), second, other, proof)


@given(st.integers(1, 300), st.data())
def test_a_proof_of_something_else_is_none(size, data):
    number = data.draw(st.integers(0, size - 1))
    proof = [mth(*part) for part in inclusion_ranges(number, size)]
    root = mth(0, size)
    assert not proves(leaf(-1), number, size, proof, root)
    assert not proves(leaf(number), number, size, [*proof, leaf(0)], root)
    assert not proves(leaf(number), size, size, proof, root)
    if proof:
        assert not proves(leaf(number), number, size, proof[:-1], root)
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], leaf(-2), *proof[at + 1 :]]
        assert not proves(leaf(number), number, size, changed, root)
