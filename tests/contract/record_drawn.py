"""Writes bmt/contracts/drawn.txt anew, from the fonts of the press: after each change of their packages.

PYTHONPATH=tests python tests/contract/record_drawn.py
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from fontTools.ttLib import TTCollection, TTFont

from bmt.contracts.values import TABLE
from bmt.press.typesetter import folders

EMOJI_FONT = "NotoEmoji[wght].ttf"
FIRST_EMOJI = 0x203C
"""‼; what comes before (digits, ©, ®) is text that some draw as pictures."""
TEXTS = {0x2122}
"""™, likewise."""
UNSEEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
"""Nothing to see (Unicode, general category): controls, what fonts keep for themselves."""
IGNORABLE = {
    0x34F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x3164,
    0xFFA0,
    0xFFFC,
    0xFFFD,
    *range(0x180B, 0x1810),
    *range(0xFE00, 0xFE10),
}
"""Likewise (Default_Ignorable_Code_Point): fillers, selectors of variants. And what stands for what was lost."""
RANGES_A_LINE = 12


def has(font: TTFont) -> set[int]:
    """The code points of a font's characters."""
    return set(font.getBestCmap())


def drawn() -> dict[str, set[int]]:
    """By kind the code points that the fonts have."""
    text: set[int] = set()
    emoji: set[int] = set()
    for file in sorted(path for folder in folders() for path in folder.iterdir()):
        if file.name == EMOJI_FONT:
            emoji = {each for each in has(TTFont(file)) if each >= FIRST_EMOJI} - TEXTS
        elif file.suffix == ".ttf":
            text |= has(TTFont(file))
        elif file.suffix == ".ttc":
            text |= set.intersection(*map(has, TTCollection(file).fonts))
    return {"text": seen(text - emoji), "emoji": seen(emoji)}


def seen(points: Iterable[int]) -> set[int]:
    """Those that are seen."""
    return {
        each
        for each in points
        if each not in IGNORABLE and unicodedata.category(chr(each)) not in UNSEEN
    }


def ranges(points: Iterable[int]) -> list[str]:
    """`41-5A` and the like."""
    found: list[list[int]] = []
    for each in sorted(points):
        if found and found[-1][1] == each - 1:
            found[-1][1] = each
        else:
            found.append([each, each])
    return [f"{a:X}-{b:X}" if a != b else f"{a:X}" for a, b in found]


def lines(kinds: dict[str, set[int]]) -> Iterator[str]:
    """Of the table."""
    for kind, points in kinds.items():
        for row in _rows(ranges(points)):
            yield " ".join((kind, *row))


def _rows(found: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(found), RANGES_A_LINE):
        yield found[at : at + RANGES_A_LINE]


def table() -> str:
    """What drawn.txt should hold."""
    return "\n".join(lines(drawn())) + "\n"


if __name__ == "__main__":
    Path(TABLE).write_text(table())
