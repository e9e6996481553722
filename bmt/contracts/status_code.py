"""The code that shows one request's status to an applicant without an account. It is sent once, stored nowhere.

The sending and the checking service derive it from a shared key. It is in no event.
"""

import hmac
import re
from typing import Final

from bmt.contracts.reference import BITS, meant, written

CHARACTERS: Final = 12
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
    return written(digest >> _DIGEST_BITS - BITS * CHARACTERS, CHARACTERS)


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


def is_same(code: str, typed: str) -> bool:
    """Whether this is the code that was typed; takes as long for one that is nearly right."""
    return hmac.compare_digest(code.encode(), as_meant(typed).encode(errors="replace"))
