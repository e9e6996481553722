"""The words that a file is found by: folded, so that case, accents and marks around them do not matter."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bmt.contracts.reference import read

MOST_WORDS: Final = 4_000
LONGEST_WORD: Final = 64
"""What is longer is found by its beginning."""

_PART: Final = re.compile(r"[^\W_]+")
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")


def words_of(texts: Iterable[str]) -> list[str]:
    """Each word of these, whole and in its parts: `siti.mampu@example.my` is also `siti` and `mampu`."""
    found: dict[str, None] = {}
    for text in texts:
        for word in _words(text):
            found |= dict.fromkeys((word, *(part[:LONGEST_WORD] for part in _PART.findall(word))))
    return list(found)[:MOST_WORDS]


def asked(text: str) -> list[str]:
    """What somebody looks for: every one of these must begin a word of the file.

    A reference counts as it is meant, however it is typed; what stands around it in the same text does not.
    """
    if (reference := read(text)) is not None:
        return [reference.casefold()]
    return _words(text)


def _words(text: str) -> list[str]:
    bare = (_AROUND.sub("", word)[:LONGEST_WORD] for word in _folded(text).split())
    return [word for word in bare if word]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
