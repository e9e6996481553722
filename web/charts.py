"""Bars and columns, in percent of a drawing's width: `charts.html` draws them, sharp and readable at any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PLOT: Final = 160
"""The height of a column of 100 %, in pixels."""
_FEWEST_GROUPS: Final = 4
"""Fewer leave the rest of the drawing empty: a column is no wall."""
_GAP: Final = 0.2
"""Of the width of a group, between two groups."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar; `look` names its fill. `x` and `width` are in percent."""

    look: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar with what stands above it."""

    label: str
    value: str
    parts: Sequence[Part]


def bar(label: str, value: str, parts: Sequence[tuple[str, int]], whole: int) -> Bar:
    """`parts` are looks with numbers, of which `whole` fills the bar."""
    placed, x = [], 0.0
    for look, number in parts:
        width = round(100 * number / whole, 2) if whole else 0.0
        if width:
            placed.append(Part(look, round(x, 2), width))
        x += width
    return Bar(label, value, placed)


@dataclass(frozen=True, slots=True)
class Column:
    """One column, `height` pixels high; None: there is nothing to show."""

    look: str
    x: float
    width: float
    height: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that belong together, with the label below them and its middle."""

    label: str
    middle: float
    columns: Sequence[Column]


def group(label: str, place: int, of: int, columns: Sequence[tuple[str, float | None]]) -> Group:
    """The group at this place among as many; each column has a look and its percentage."""
    whole = 100 / max(of, _FEWEST_GROUPS)
    width = whole * (1 - _GAP) / len(columns)
    begin = whole * (place + _GAP / 2)
    placed = [
        Column(
            look,
            round(begin + width * number, 2),
            round(width * 0.9, 2),
            None if percent is None else max(2.0, percent * PLOT / 100),
        )
        for number, (look, percent) in enumerate(columns)
    ]
    return Group(label, round(whole * (place + 0.5), 2), placed)
