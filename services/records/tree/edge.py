"""The right edge of the tree: all that is needed to go on, and what falls off it as it grows."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.records.tree.merkle import perfect_root, row, row_root

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """256 neighbouring hashes of one level, which never change any more.

    Attributes:
        level: 0 holds leaves; level n holds the roots of the tiles below.
        index: its place in the level.
        hashes: of 32 bytes each.
    """

    level: int
    index: int
    hashes: tuple[bytes, ...]

    @property
    def root(self) -> bytes:
        """Its entry in the level above."""
        return perfect_root(self.hashes)


@dataclass(slots=True)
class Edge:
    """For each level, how many tiles are full and the hashes after them, fewer than fill one.

    Attributes:
        full: by level.
        open: by level.
    """

    full: list[int] = field(default_factory=lambda: [0])
    open: list[list[bytes]] = field(default_factory=lambda: [[]])

    @property
    def size(self) -> int:
        """How many leaves the tree has."""
        return self.full[0] * TILE_WIDTH + len(self.open[0])

    def append(self, leaf_hashes: Sequence[bytes]) -> list[Tile]:
        """Grow by these leaves; the tiles that became full, each after those it stands on."""
        self.open[0] += leaf_hashes
        return self.settle()

    def settle(self) -> list[Tile]:
        """The tiles that are full, taken out of what is open."""
        tiles: list[Tile] = []
        level = 0
        while level < len(self.open):
            while len(self.open[level]) >= TILE_WIDTH:
                tiles.append(self._fill(level))
            level += 1
        return tiles

    def root(self) -> bytes:
        """The root over all leaves."""
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
