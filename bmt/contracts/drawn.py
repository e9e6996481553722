"""What can be drawn on paper: the letters and signs that the fonts of the press have, and emoji apart.

`drawn.txt` lists them, as ranges of code points; a test compares it with the fonts. It stands here, not in the press:
a name that no paper can show is refused where it comes in.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

TABLE: Final = Path(__file__).with_name("drawn.txt")

Kind = Literal["text", "emoji"]


def is_text(character: str) -> bool:
    """Whether a font draws it, and it is no emoji."""
    return character.isascii() or _holds("text", character)


def is_emoji(character: str) -> bool:
    """Whether it is a picture (UTS #51): the emoji font draws it, as a text none would."""
    return _holds("emoji", character)


def _holds(kind: Kind, character: str) -> bool:
    firsts, lasts = _ranges(kind)
    place = bisect_right(firsts, ord(character)) - 1
    return place >= 0 and ord(character) <= lasts[place]


@cache
def _ranges(kind: Kind) -> tuple[Sequence[int], Sequence[int]]:
    lines = (line.split() for line in TABLE.read_text().splitlines())
    ranges = [each.split("-") for of, *each_of in lines if of == kind for each in each_of]
    return [int(each[0], 16) for each in ranges], [int(each[-1], 16) for each in ranges]
