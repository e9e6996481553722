"""Crockford's base 32: what people read aloud and type, without I, L, O and U."""

import unicodedata
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BITS: Final = 5
"""Of each character."""

_MEANT: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})


def written(number: int, characters: int) -> str:
    """The lowest bits of a number, `BITS` a character, the highest first."""
    places = range(BITS * (characters - 1), -1, -BITS)
    return "".join([ALPHABET[number >> place & 31] for place in places])


def meant(typed: str) -> str:
    """The code behind a typed text: small or full-width letters, O for 0, I and L for 1."""
    return unicodedata.normalize("NFKC", typed).upper().translate(_MEANT)
