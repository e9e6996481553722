"""What people read aloud and type: a request's reference, and the code that shows its status to an applicant without an account.

`BMT-MAMPU-2026-7K3QF9ZT` is meant by `bmt mampu 2026 7k3q f9zt`, `BMTMAMPU20267K3QF9ZT`, full-width digits,
other dashes, O for 0, I or l for 1, and by all of these between other words (`No. rujukan: …`). Its last characters are
Crockford's base 32: what people read aloud and type, without I, L, O and U.

The code is sent once, and stored nowhere. The sending and the checking service derive it from a shared key. It is in no event.
"""

import hmac
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

NUMBER_CHARACTERS: Final = 8
"""Of the number at its end, in Crockford's base 32."""
LONGEST_READ: Final = 1000
"""Characters of a text that are looked through."""

_UNSEEN: Final = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212\ufe58\u30fc]")
_APART: Final = r"[\s._/:-]{0,3}"
_TYPED: Final = re.compile(
    rf"(?<![A-Z0-9])BMT{_APART}(?P<agency>[A-Z][A-Z0-9_ -]{{0,31}}?){_APART}(?P<year>2[0O][0-9OIL]{{2}}){_APART}"
    rf"(?P<number>(?:[0-9A-TV-Z]{_APART}){{{NUMBER_CHARACTERS - 1}}}[0-9A-TV-Z])(?![A-Z0-9])"
)
_NO_LETTER: Final = re.compile(r"[^A-Z0-9]")


def read_reference(typed: str, agencies: Iterable[str] = ()) -> str | None:
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


CODE_CHARACTERS: Final = 12
"""60 bits: a thousand guesses a second succeed once in some ten million years."""
SHORTEST_KEY: Final = 32
"""Characters of a key."""

_PURPOSE: Final = b"my.gov.bmt.status-code.v1\x00"
"""Separates this use of the key from any other that it may ever get."""
_DIGEST_BITS: Final = 256
_GROUP: Final = 4
_AMONG_WORDS: Final = re.compile(
    r"(?<![0-9A-Z])[0-9A-TV-Z]{4}([\s\W_]{0,3})[0-9A-TV-Z]{4}\1[0-9A-TV-Z]{4}(?![0-9A-Z])"
)


def status_code(key: str, request_id: str) -> str:
    """The code of a request: `7K3QF9ZT0ABC`."""
    digest = int.from_bytes(hmac.digest(key.encode(), _PURPOSE + request_id.encode(), "sha256"))
    return written(digest >> _DIGEST_BITS - BITS * CODE_CHARACTERS, CODE_CHARACTERS)


def in_groups(code: str) -> str:
    """As it is told: `7K3Q-F9ZT-0ABC`."""
    return "-".join(code[place : place + _GROUP] for place in range(0, len(code), _GROUP))


def as_meant(typed: str) -> str:
    """The code that somebody means who types it with spaces, hyphens, small letters, O for 0 or I for 1.

    Between other words (`Kod semakan: …`) it is the one that stands there in its groups, or as one word.
    """
    plain = meant(typed)
    found = _AMONG_WORDS.search(plain)
    return "".join(filter(str.isalnum, found[0] if found else plain))


def is_same_code(code: str, typed: str) -> bool:
    """Whether this is the code that was typed; takes as long for one that is nearly right."""
    return hmac.compare_digest(code.encode(), as_meant(typed).encode(errors="replace"))
