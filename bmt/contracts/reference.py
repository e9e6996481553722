"""A request's reference as people type it: the one place where every page, search and command reads one.

`BMT-MAMPU-2026-7K3QF9ZT` is meant by `bmt mampu 2026 7k3q f9zt`, `BMTMAMPU20267K3QF9ZT`, full-width digits,
other dashes, O for 0, I or l for 1, and by all of these between other words (`No. rujukan: …`). Its last characters are
Crockford's base 32: what people read aloud and type, without I, L, O and U.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

CHARACTERS: Final = 8
"""Of the number at its end, in Crockford's base 32."""
LONGEST_READ: Final = 1000
"""Characters of a text that are looked through."""

_UNSEEN: Final = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212\ufe58\u30fc]")
_APART: Final = r"[\s._/:-]{0,3}"
_TYPED: Final = re.compile(
    rf"(?<![A-Z0-9])BMT{_APART}(?P<agency>[A-Z][A-Z0-9_ -]{{0,31}}?){_APART}(?P<year>2[0O][0-9OIL]{{2}}){_APART}"
    rf"(?P<number>(?:[0-9A-TV-Z]{_APART}){{{CHARACTERS - 1}}}[0-9A-TV-Z])(?![A-Z0-9])"
)
_NO_LETTER: Final = re.compile(r"[^A-Z0-9]")


def read(typed: str, agencies: Iterable[str] = ()) -> str | None:
    """The first reference that stands in a text; None: there is none.

    Where `agencies` (codes) are given, one of them is meant, though O and 0, or I, l and 1, are taken for each other
    in it, or its dashes are left out.
    """
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", typed[:LONGEST_READ]))
    found = _TYPED.search(_DASHES.sub("-", plain).upper())
    if found is None:
        return None
    number = _NO_LETTER.sub("", meant(found["number"]))
    return f"BMT-{_agency(found['agency'], agencies)}-{meant(found['year'])}-{number}"


def _agency(typed: str, agencies: Iterable[str]) -> str:
    bare = typed.strip(" -_")
    like = [code for code in agencies if _alike(code) == _alike(bare)]
    return bare if bare in like or len(like) != 1 else like[0]


def _alike(agency: str) -> str:
    return _NO_LETTER.sub("", meant(agency))


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
