"""The Merkle tree of RFC 6962 (RFC 9162, section 2.1): pure arithmetic over hashes of 32 bytes.

A leaf's hash is the ledger's own, SHA-256(0x00 ‖ canonical JSON). A node's is SHA-256(0x01 ‖ left ‖
right). The tree of n leaves is a row of perfect subtrees, the largest first. Queries are ranges of
leaves, and each range is such a row again.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

NODE_PREFIX: Final = b"\x01"
EMPTY_ROOT: Final = hashlib.sha256().digest()
"""The root of the tree without leaves."""

Range = tuple[int, int]
"""Leaf numbers from the first up to, and without, the second."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """The root of a perfect subtree: 2^height leaves, from leaf index · 2^height."""

    height: int
    index: int


def joined(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(hashes) > 1:
        hashes = [joined(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


def row(wanted: Range) -> list[Node]:
    """The perfect subtrees of a range of leaves, from the left.

    The range must be one that a tree splits into: its start is a multiple of its largest subtree.
    """
    start, end = wanted
    nodes = []
    while start < end:
        height = (end - start).bit_length() - 1
        if start:
            height = min(height, (start & -start).bit_length() - 1)
        nodes.append(Node(height, start >> height))
        start += 1 << height
    return nodes


def row_root(hashes: Sequence[bytes]) -> bytes:
    """The root over a row of perfect subtrees, given from the left."""
    if not hashes:
        return EMPTY_ROOT
    return reduce(lambda right, left: joined(left, right), reversed(hashes[:-1]), hashes[-1])


def root_of(wanted: Range, nodes: Mapping[Node, bytes]) -> bytes:
    """The root over a range, from the hashes of its row."""
    return row_root([nodes[node] for node in row(wanted)])


def inclusion_ranges(leaf: int, size: int) -> list[Range]:
    """The ranges of the proof that `leaf` is in the tree of `size` leaves, from the bottom up."""
    if not 0 <= leaf < size:
        raise ValueError("the leaf is not in a tree of this size")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if leaf < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The ranges of the proof that the tree of `first` leaves begins the tree of `second`."""
    if not 0 <= first <= second:
        raise ValueError("the first tree must not be larger than the second")
    if first in (0, second):
        return []
    return list(_subproof(first, 0, second, whole=True))


def _subproof(first: int, start: int, end: int, *, whole: bool) -> Iterator[Range]:
    """SUBPROOF of RFC 9162, 2.1.4.1, over the leaves from `start` to `end`."""
    if first == end - start:
        if not whole:
            yield start, end
        return
    middle = start + _split(end - start)
    if first <= middle - start:
        yield from _subproof(first, start, middle, whole=whole)
        yield middle, end
    else:
        yield from _subproof(first - (middle - start), middle, end, whole=False)
        yield start, middle


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def verifies_consistency(
    first: int, first_root: bytes, second: int, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the proof shows that the first tree begins the second (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof and first_root == EMPTY_ROOT
    if not 0 < first < second:
        return False
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    if not path:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = joined(sibling, old), joined(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = joined(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """256 neighbouring hashes of one level. A full tile never changes.

    Attributes:
        level: 0 contains leaves; level n contains the roots of the tiles below.
        index: its place in the level.
    """

    level: int
    index: int
    hashes: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """Its entry in the level above."""
        return perfect_root(self.hashes)


@dataclass(slots=True)
class Frontier:
    """The right edge of the tree: all that is needed to extend it.

    Attributes:
        full: the number of full tiles, by level.
        open: the hashes after them, fewer than a tile, by level.
    """

    full: list[int] = field(default_factory=lambda: [0])
    open: list[list[bytes]] = field(default_factory=lambda: [[]])

    @property
    def size(self) -> int:
        return self.full[0] * TILE_WIDTH + len(self.open[0])

    def append(self, leaf_hashes: Sequence[bytes]) -> list[Tile]:
        """Append leaves. The tiles that became full, each after those below it."""
        self.open[0] += leaf_hashes
        return self.settle()

    def settle(self) -> list[Tile]:
        """Remove the full tiles from the open hashes and return them."""
        tiles: list[Tile] = []
        level = 0
        while level < len(self.open):
            while len(self.open[level]) >= TILE_WIDTH:
                tiles.append(self._fill(level))
            level += 1
        return tiles

    def root(self) -> bytes:
        peaks: list[bytes] = []
        for hashes in reversed(self.open):
            at = 0
            for node in row((0, len(hashes))):
                peaks.append(perfect_root(hashes[at : at + (1 << node.height)]))
                at += 1 << node.height
        return row_root(peaks)

    def _fill(self, level: int) -> Tile:
        hashes = self.open[level]
        tile = Tile(level, self.full[level], tuple(hashes[:TILE_WIDTH]))
        del hashes[:TILE_WIDTH]
        self.full[level] += 1
        if level + 1 == len(self.open):
            self.open.append([])
            self.full.append(0)
        self.open[level + 1].append(tile.root)
        return tile
