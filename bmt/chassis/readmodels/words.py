"""Words that a list is searched by. Case, accents and surrounding punctuation do not matter."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from bmt.contracts.reference import read

MOST_WORDS: Final = 4_000
LONGEST_WORD: Final = 64
"""Longer words are found by their beginning."""

_PART: Final = re.compile(r"[^\W_]+")
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")
_ASCII_AROUND: Final = "".join(each for each in map(chr, range(128)) if not each.isalnum())


def words_of(texts: Iterable[str]) -> list[str]:
    """Each word, whole and in parts: `siti.mampu@example.my` is also `siti` and `mampu`."""
    found: dict[str, None] = {}
    for word in _words(" ".join(texts)):
        found[word] = None
        if not word.isalnum():
            found |= dict.fromkeys(_PART.findall(word))
    return list(found)[:MOST_WORDS]


def search_terms(text: str) -> list[str]:
    """The search terms of a query. A document matches if each term begins one of its words.

    A reference counts in its normal form, however it is typed. Any text around it is ignored.
    """
    if (reference := read(text)) is not None:
        return [reference.casefold()]
    return _words(text)


def _words(text: str) -> list[str]:
    if text.isascii():
        bare = [word.strip(_ASCII_AROUND) for word in text.lower().split()]
    else:
        bare = [_AROUND.sub("", word) for word in _folded(text).split()]
    return [word[:LONGEST_WORD] for word in bare if word]


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))
