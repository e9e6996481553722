"""What people call a request: short, readable over the telephone, and made without a counter."""

import hashlib
import re
from datetime import datetime
from typing import Final

from bmt.agencies.charter import MALAYSIA
from bmt.contracts.crockford import meant, written

_CHARACTERS: Final = 8
_BYTES: Final = 5
_DASHES: Final = re.compile(r"[\u2010-\u2015\u2212]")
_BLANKS: Final = re.compile(r"\s+")


def reference(request_id: str, agency: str, received_at: datetime) -> str:
    """For example `BMT-MAMPU-2026-7K3QF9ZT`: agency, year in Malaysia, 40 bits of the id's hash.

    The alphabet has no I, L, O and U (Crockford's base 32). Ten thousand requests of one agency in
    one year share a reference once in some twenty thousand years; the id stays the key.
    """
    number = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:_BYTES])
    year = received_at.astimezone(MALAYSIA).year
    return f"BMT-{agency}-{year}-{written(number, _CHARACTERS)}"


def as_meant(typed: str) -> str:
    """The reference that somebody means who types it with spaces, other dashes, small letters, O for 0."""
    head, dash, digits = _DASHES.sub("-", _BLANKS.sub("", typed)).upper().rpartition("-")
    return head + dash + meant(digits)
